"""The key by which alerts of a rule count as the same: a text with named places."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from django.core.exceptions import ValidationError

PLACES = ("camera", "rule", "label")
LONGEST_KEY = 200
_PLACE = re.compile(r"\{(\w+)\}")


def validate_template(template: str) -> None:
    """Raise `ValidationError` where it has braces that are not one of the places."""
    rest = _PLACE.sub("", template)
    unknown = sorted(set(_PLACE.findall(template)) - set(PLACES))
    if not template.strip() or "{" in rest or "}" in rest or unknown or not template.isprintable():
        places = ", ".join(f"{{{place}}}" for place in PLACES)
        raise ValidationError(f"A key is a text in which only {places} stand in braces.")


def key(template: str, values: Mapping[str, str]) -> str:
    """`template` with its places filled in. What is too long to be kept is replaced by its SHA-256."""
    text = _PLACE.sub(lambda place: values.get(place[1], place[0]), template)
    return text if len(text) <= LONGEST_KEY else hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
