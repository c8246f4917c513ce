"""Tables whose rows are deleted when they are too old. Each app registers its tables in `AppConfig.ready()`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

Expired = Callable[[datetime], QuerySet[Any]]

_registered: list[Expired] = []


def register(*expired: Expired) -> None:
    """Add functions that return the expired rows of a table at a time."""
    _registered.extend(expired)


def expired_rows(now: datetime) -> Iterator[QuerySet[Any]]:
    """Return the expired rows, table by table."""
    return (expired(now) for expired in _registered)
