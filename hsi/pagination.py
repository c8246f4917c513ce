"""Keyset pagination: `{"items", "next_cursor", "has_more"}`, as quick on the last page as on the first.

The cursor is the sort key of the last item, signed. Rows that are inserted meanwhile shift nothing.
"""

from __future__ import annotations

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
    """Newest first by the view's `keyset` (time field, id); the view's queryset is not sorted yet."""

    def paginate_queryset(self, queryset: QuerySet[Any], request: Request, view: APIView | None = None) -> list[Any]:
        field: str = view.keyset if view and hasattr(view, "keyset") else "id"
        limit = self._limit(request)
        if cursor := request.query_params.get("cursor"):
            queryset = queryset.filter(after(cursor, field))
        order = ["-id"] if field == "id" else [f"-{field}", "-id"]
        rows = list(queryset.order_by(*order)[: limit + 1])
        self.has_more = len(rows) > limit
        self.next_cursor = cursor_of(rows[limit - 1], field) if self.has_more else None
        return rows[:limit]

    def _limit(self, request: Request) -> int:
        raw = request.query_params.get("limit", str(DEFAULT_LIMIT))
        if not raw.isascii() or not raw.isdigit() or not 1 <= int(raw[:9]) <= MAX_LIMIT:
            raise ValidationError({"limit": [f"Must be a whole number from 1 to {MAX_LIMIT}."]})
        return int(raw)

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"items": data, "next_cursor": self.next_cursor, "has_more": self.has_more})


def cursor_of(row: Model, field: str) -> str:
    value = getattr(row, field)
    return signing.dumps([field, value if field == "id" else value.isoformat(), row.pk], salt=SALT, compress=False)


def after(cursor: str, field: str) -> Q:
    """What comes after the row that `cursor` names. Raises ValidationError for a cursor we did not make."""
    try:
        of_field, value, identity = signing.loads(cursor, salt=SALT)
    except (signing.BadSignature, ValueError):
        of_field = None
    if of_field != field:
        raise ValidationError({"cursor": ["Not a cursor of this list. Start again without one."]})
    if field == "id":
        return Q(id__lt=identity)
    time = parse_datetime(value)
    return Q(**{f"{field}__lte": time}) & (Q(**{f"{field}__lt": time}) | Q(id__lt=identity))
