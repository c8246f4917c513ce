"""Fields for secrets. Declaring a field with these classes is enough to mask its input.

Input of such a field is masked in logs, in the audit log and in stored errors, even if it is not valid.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import ReadOnlyPasswordHashField
from rest_framework import serializers

from hsi.logs import redaction
from hsi.logs.redaction import LONGEST_SECRET, MASK


class SecretField(serializers.CharField):
    """A write-only field in a body of the API."""

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
    """A field of a page that never shows its value again."""

    widget = forms.PasswordInput

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, strip=False, max_length=LONGEST_SECRET, **options)

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str):
            redaction.handle([value])
        return super().to_python(value)


def is_secret(field: object) -> bool:
    """Return whether a field of a page or of the API holds a secret, including the password fields of Django."""
    return isinstance(field, (SecretField, SecretFormField, ReadOnlyPasswordHashField)) or isinstance(
        getattr(field, "widget", None), forms.PasswordInput
    )


def masked(field: object, value: Any) -> Any:
    """Return `value` of this field as others may see it."""
    return MASK if value and is_secret(field) else value
