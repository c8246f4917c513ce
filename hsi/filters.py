"""Filters of lists through django-filter; a filter that does not exist, or a value that does not fit, is an error."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

import django_filters
from django import forms
from django.core.exceptions import ValidationError as FormError
from django.db.models import QuerySet
from django_filters.fields import IsoDateTimeField
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.extensions import OpenApiFilterExtension
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

PAGING = {"limit", "cursor"}
BIGGEST_ID = 2**63 - 1
YES_NO = {"true": True, "1": True, "false": False, "0": False}


class StrictFilterBackend(DjangoFilterBackend):  # type: ignore[misc]
    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        filterset_class = self.get_filterset_class(view, queryset)
        known = PAGING | set(filterset_class.base_filters if filterset_class else ())
        if unknown := set(request.query_params) - known:
            allowed = ", ".join(sorted(known))
            raise ValidationError({name: [f"No such filter. There are: {allowed}."] for name in sorted(unknown)})
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return filtered


def filter_schema(one: django_filters.Filter) -> dict[str, Any]:
    """JSON Schema of what a filter takes."""
    if (own := getattr(one, "schema", None)) is not None:
        return dict(own)
    if isinstance(one, django_filters.ChoiceFilter):
        return {"type": "string", "enum": [value for value, _ in one.extra["choices"]]}
    longest = one.extra.get("max_length")
    return {"type": "string", **({"maxLength": longest} if longest else {})}


class FilterDescription(OpenApiFilterExtension):  # type: ignore[no-untyped-call]
    """What the filters of a list are in the API's description: as they are declared, not as a model has the column."""

    target_class = "hsi.filters.StrictFilterBackend"
    priority = 1

    def get_schema_operation_parameters(self, auto_schema: Any, *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
        declared = getattr(auto_schema.view, "filterset_class", None)
        return [
            {
                "in": "query",
                "name": name,
                "schema": filter_schema(one),
                "description": one.extra.get("help_text", ""),
            }
            for name, one in (declared.base_filters if declared else {}).items()
        ]


class TimeField(IsoDateTimeField):  # type: ignore[misc]
    """ISO 8601; without an offset it is in the site's time zone. In UTC it must still be a year from 1 to 9999."""

    def clean(self, value: Any) -> Any:
        time: datetime | None = super().clean(value)
        try:
            return time.astimezone(UTC) if time else None
        except OverflowError as error:
            raise FormError("Out of range.") from error


class TimeFilter(django_filters.Filter):  # type: ignore[misc]
    field_class = TimeField
    schema: ClassVar = {"type": "string", "format": "date-time"}


class WholeNumberFilter(django_filters.Filter):  # type: ignore[misc]
    """Takes `min_value` and `max_value`."""

    field_class = forms.IntegerField

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.extra["min_value"], "maximum": self.extra["max_value"]}


class FractionFilter(django_filters.Filter):  # type: ignore[misc]
    """A number from 0 to 1."""

    field_class = forms.FloatField
    schema: ClassVar = {"type": "number", "minimum": 0, "maximum": 1}

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, max_value=1, **options)


class YesNoFilter(django_filters.TypedChoiceFilter):  # type: ignore[misc]
    """true or false. django-filter's own takes any other word for "not given"."""

    schema: ClassVar = {"type": "boolean"}

    def __init__(self, **options: Any) -> None:
        choices = [(word, word) for word in YES_NO]
        super().__init__(choices=choices, coerce=YES_NO.__getitem__, empty_value=None, **options)
