"""Lists of labels, and numbers by label, as the settings of a camera and of a zone hold them."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from hsi.config.parsing import ITEMS, FormError

MAX_LABELS, MAX_LABEL_CHARACTERS = 100, 64


def validate_labels(value: object) -> None:
    """Raise `ValidationError` unless `value` is a list of labels."""
    if not isinstance(value, list) or not all(map(_is_label, value)) or len(value) > MAX_LABELS:
        raise ValidationError("Must be a list of labels such as person.")


def validate_shares(value: object) -> None:
    """Raise `ValidationError` unless `value` has a number from 0 to 1 for each label."""
    if not isinstance(value, dict) or not all(map(_is_label, value)) or len(value) > MAX_LABELS:
        raise ValidationError("Must have a number for each label.")
    for number in value.values():
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= 1:
            raise ValidationError("Must have numbers from 0 to 1.")


def normalized(label: str) -> str:
    """Return a label in the spelling of the detectors: in lower case, with single spaces."""
    return " ".join(label.lower().split())


def _is_label(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_LABEL_CHARACTERS and value == normalized(value)


class LabelsField(forms.CharField):
    """Labels in a form, separated by commas."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return list(dict.fromkeys(filter(None, map(normalized, _parts(value)))))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool((initial or []) != self.to_python(data))


class SharesField(forms.CharField):
    """Numbers by label in a form, such as `person=0.5, vehicle=0.6`."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(f"{label}={number:g}" for label, number in value.items()) if isinstance(value, dict) else value

    def to_python(self, value: Any) -> Any:
        try:
            items = [ITEMS["label share"](part).rpartition("=") for part in _parts(value)]
        except FormError as error:
            raise ValidationError(f"Must be {error}.") from None
        return {label: float(number) for label, _, number in items}

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool((initial or {}) != self.to_python(data))
        except ValidationError:
            return True


def _parts(text: str | None) -> list[str]:
    return [part for part in re.split(r"\s*[,;\n]\s*", text or "") if part]
