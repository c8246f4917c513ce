"""Filters of lists, based on django-filter. An unknown filter or an invalid value is an error."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any, ClassVar

import django_filters
from django import forms
from django.core.exceptions import ValidationError as FormError
from django.db.models import Model, QuerySet
from django.http import QueryDict
from django_filters.fields import IsoDateTimeField
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.extensions import OpenApiFilterExtension
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

PAGING = frozenset({"limit", "cursor"})
BIGGEST_ID = 2**63 - 1
YES_NO = {"true": True, "1": True, "false": False, "0": False}


class StrictFilterBackend(DjangoFilterBackend):  # type: ignore[misc]
    """Validate only the filters of the request. The backend of django-filter builds a form of all filters each time."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        paged = bool(getattr(view, "paginator", None))
        return narrowed(queryset, self.get_filterset_class(view, queryset), request.query_params, paged=paged)


def narrowed(
    queryset: QuerySet[Any], filterset_class: Any, parameters: QueryDict, *, paged: bool = False
) -> QuerySet[Any]:
    """Apply the query parameters to `queryset`. Raise the errors of `filter_values`."""
    model: type[Model] = queryset.model
    filters = _filters(filterset_class, model)
    for name, value in _values(parameters, filters, paged=paged).items():
        queryset = filters[name].filter(queryset, value)
    return queryset


def filter_values(parameters: QueryDict, filterset_class: Any, model: type[Model]) -> dict[str, Any]:
    """Return the parsed filters of a list without pagination.

    Raise ValidationError for an unknown filter or an invalid value.
    """
    return _values(parameters, _filters(filterset_class, model), paged=False)


def _values(parameters: QueryDict, filters: dict[str, Any], *, paged: bool) -> dict[str, Any]:
    known = filters.keys() | (PAGING if paged else set())
    values, errors = {}, {}
    for name in parameters:
        if name not in known:
            errors[name] = [f"No such filter. There are: {', '.join(sorted(known))}."]
        elif name in filters:
            field = filters[name].field
            try:
                values[name] = field.clean(field.widget.value_from_datadict(parameters, {}, name))
            except FormError as error:
                errors[name] = error.messages
    if errors:
        raise ValidationError({name: errors[name] for name in sorted(errors)})
    return values


@cache
def _filters(filterset_class: Any, model: type[Model]) -> dict[str, Any]:
    """Build the filters of a class once. Filters keep no state of a request."""
    return dict(filterset_class(queryset=model._default_manager.none()).filters) if filterset_class else {}


def filter_schema(one: django_filters.Filter) -> dict[str, Any]:
    """Return the JSON Schema of the value of a filter."""
    if (own := getattr(one, "schema", None)) is not None:
        return dict(own)
    if choices := one.extra.get("choices"):
        return {"type": "string", "enum": [value for value, _ in choices]}
    longest = one.extra.get("max_length")
    return {"type": "string", **({"maxLength": longest} if longest else {})}


class FilterDescription(OpenApiFilterExtension):  # type: ignore[no-untyped-call]
    """Describe the filters of a list in the API description as declared, not by their model columns."""

    target_class = "hsi.api.filters.StrictFilterBackend"
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
    """Parse ISO 8601. A time without an offset is in the time zone of the site. The year in UTC must be 1 to 9999."""

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
    """A filter for whole numbers. Accepts `min_value` and `max_value`."""

    field_class = forms.IntegerField

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.extra["min_value"], "maximum": self.extra["max_value"]}


class FractionFilter(django_filters.Filter):  # type: ignore[misc]
    """A filter for numbers from 0 to 1."""

    field_class = forms.FloatField
    schema: ClassVar = {"type": "number", "minimum": 0, "maximum": 1}

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, max_value=1, **options)


class YesNoFilter(django_filters.TypedChoiceFilter):  # type: ignore[misc]
    """A filter for true or false. The filter of django-filter treats any other word as missing."""

    schema: ClassVar = {"type": "boolean"}

    def __init__(self, **options: Any) -> None:
        choices = [(word, word) for word in YES_NO]
        super().__init__(choices=choices, coerce=YES_NO.__getitem__, empty_value=None, **options)


def as_they_are(rows: QuerySet[Any], name: str, value: Any) -> QuerySet[Any]:
    """Return `queryset` unchanged, for a parameter that selects no rows."""
    return rows
