"""Fields for secrets. A field is marked as secret where it is declared, and everything else follows from that.

What comes in through such a field is masked in logs, in the audit log and in stored errors, even where it is not valid.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import ReadOnlyPasswordHashField
from rest_framework import serializers

from hsi.logs import redaction
from hsi.logs.redaction import LONGEST_SECRET, MASK


class SecretField(serializers.CharField):
    """Of a body of the API. Never part of an answer."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            max_length=LONGEST_SECRET,
            required=False,
            allow_blank=True,
            write_only=True,
            trim_whitespace=False,
            **options,
        )

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if isinstance(data, str):
            redaction.handle([data])
        return super().run_validation(data)


class SecretFormField(forms.CharField):
    """Of a page. The page never shows what was entered again."""

    widget = forms.PasswordInput

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, strip=False, max_length=LONGEST_SECRET, **options)

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str):
            redaction.handle([value])
        return super().to_python(value)


def is_secret(field: object) -> bool:
    """Whether this field, of a page or of the API, is for a secret: one of ours, or a password of Django's forms."""
    return isinstance(field, (SecretField, SecretFormField, ReadOnlyPasswordHashField)) or isinstance(
        getattr(field, "widget", None), forms.PasswordInput
    )


def shown(field: object, value: Any) -> Any:
    """`value` of this field as others may see it."""
    return MASK if value and is_secret(field) else value
