"""Request bodies with known fields only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

if TYPE_CHECKING:  # the framework imports this module while it sets itself up
    from rest_framework.request import Request

CSRF_FIELD = "csrfmiddlewaretoken"  # beside the fields in the form of a page


class Input(serializers.Serializer[Any]):
    """A serializer that rejects unknown fields, so that a client cannot believe that an unknown field had an effect."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := sorted(set(map(str, data)) - set(self.fields) - {CSRF_FIELD})):
            allowed = ", ".join(self.fields) or "none"
            raise serializers.ValidationError(
                {name: [f"Not a field of this. There are: {allowed}."] for name in unknown}
            )
        return super().to_internal_value(data)


class Nothing(Input):
    """The body of a request without input. On a page its form is a button."""


def checked(kind: type[Input], request: Request, *, partial: bool = False) -> dict[str, Any]:
    """Parse the body of `request` as `kind`. Raise `ValidationError`."""
    body = kind(data=request.data, partial=partial)
    body.is_valid(raise_exception=True)
    values: dict[str, Any] = body.validated_data
    return values


class FractionField(serializers.FloatField):
    """A number from 0 to 1."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, max_value=1, **options)

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, (bool, str)):
            self.fail("invalid")
        value = float(super().to_internal_value(data))
        if not math.isfinite(value):
            self.fail("invalid")
        return value


def is_printable(value: str) -> None:
    """Validate that a text has no control character, line separator or direction mark."""
    if not all(character.isprintable() for character in value):
        raise ValidationError("Must be printable text on one line.")
