"""Times as the API and the stream write them."""

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
    """ISO 8601 in UTC, ending in `Z`. None stays None."""
    return None if time is None else f"{time.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"
