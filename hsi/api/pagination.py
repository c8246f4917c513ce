"""Keyset pagination: `{"items", "next_cursor", "has_more"}`, as fast on the last page as on the first.

The cursor is the signed sort key of the last item. Rows that are inserted later do not shift the pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.core import signing
from django.db.models import Model, Q, QuerySet
from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

DEFAULT_LIMIT = 50
MAX_LIMIT = 1000
SALT = "hsi.cursor"


class KeysetPagination(BasePagination):
    """Sort newest first by the `keyset` of the view (time field, id). A leading `-` reverses the order.

    The queryset of the view is not sorted yet. A view with `read_rows` reads its rows in another way than as objects.
    """

    def paginate_queryset(  # type: ignore[override]  # never a list: it is the database that sorts and cuts
        self, queryset: QuerySet[Any], request: Request, view: APIView | None = None
    ) -> list[Any]:
        keyset: str = getattr(view, "keyset", "id")
        limit = self.limit(request)
        if cursor := request.query_params.get("cursor"):
            queryset = queryset.filter(after(cursor, keyset, queryset.model))
        read: Callable[[QuerySet[Any]], list[Any]] = getattr(view, "read_rows", list)
        rows = read(queryset.order_by(*order(keyset))[: limit + 1])
        self.has_more = len(rows) > limit
        self.next_cursor = cursor_of(rows[limit - 1], keyset, queryset.model) if self.has_more else None
        return rows[:limit]

    def limit(self, request: Request) -> int:
        raw = request.query_params.get("limit", str(DEFAULT_LIMIT))
        if not (raw.isascii() and raw.isdigit() and len(raw) <= 9 and 1 <= int(raw) <= MAX_LIMIT):
            raise ValidationError({"limit": [f"Must be a whole number from 1 to {MAX_LIMIT}."]})
        return int(raw)

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
        words = "next_cursor of the page before."
        return [
            {"name": "limit", "in": "query", "required": False, "schema": limit, "description": "Items on a page."},
            {"name": "cursor", "in": "query", "required": False, "schema": {"type": "string"}, "description": words},
        ]

    def get_results(self, data: dict[str, Any]) -> list[Any]:
        """Return the items of a page for the browsable API."""
        items: list[Any] = data["items"]
        return items

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"items": data, "next_cursor": self.next_cursor, "has_more": self.has_more})


def single_page(items: list[Any]) -> dict[str, Any]:
    """Return a list that is always short in the format of all lists."""
    return {"items": items, "next_cursor": None, "has_more": False}


def order(keyset: str) -> list[str]:
    sign, field = ("", keyset[1:]) if keyset.startswith("-") else ("-", keyset)
    return [f"{sign}{field}"] if field == "id" else [f"{sign}{field}", f"{sign}id"]


def cursor_of(row: Any, keyset: str, model: type[Model]) -> str:
    """Return the cursor of `row`, an object or a mapping from field names to JSON values."""
    field = keyset.lstrip("-")
    value, identity = (row[field], row["id"]) if isinstance(row, Mapping) else (getattr(row, field), row.pk)
    if isinstance(value, datetime):
        value = value.isoformat()
    return signing.dumps([model._meta.label_lower, keyset, value, identity], salt=SALT)


def after(cursor: str, keyset: str, model: type[Model]) -> Q:
    """Return the rows after the row of `cursor`. Raise an error for a cursor of another list."""
    try:
        of_model, of_keyset, value, identity = signing.loads(cursor, salt=SALT)
    except (signing.BadSignature, ValueError):
        of_model = of_keyset = None
    if (of_model, of_keyset) != (model._meta.label_lower, keyset):
        raise ValidationError({"cursor": ["Not a valid cursor of this list. Start again without a cursor."]})
    return beyond(keyset, value, identity)


def beyond(keyset: str, value: str, identity: int | str) -> Q:
    """Return the condition for rows after this value (a time as text) and id in the order of `keyset`."""
    past, field = ("gt", keyset[1:]) if keyset.startswith("-") else ("lt", keyset)
    if field == "id":
        return Q(**{f"id__{past}": identity})
    time = parse_datetime(value)
    # The first condition uses the index. The second drops ties that were already returned.
    return Q(**{f"{field}__{past}e": time}) & (Q(**{f"{field}__{past}": time}) | Q(**{f"id__{past}": identity}))
