"""The time format of the API and the stream."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import overload


@overload
def iso(time: datetime) -> str: ...
@overload
def iso(time: None) -> None: ...
@overload
def iso(time: datetime | None) -> str | None: ...
def iso(time: datetime | None) -> str | None:
    """Format a time as ISO 8601 in UTC with a final `Z`. Return None for None."""
    return None if time is None else f"{time.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"
