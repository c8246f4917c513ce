"""The time by the database's clock, without asking it each time.

What several machines compare must be of one clock: their own may differ, and may be set while they run.
In between, this counts on with the monotonic clock. On SQLite the database's clock is this machine's.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from django.db import DEFAULT_DB_ALIAS, connections

from hsi.db.sql import execute

# The database's clock in SQL: seconds since 1970, by vendor.
NOW = {
    "postgresql": "extract(epoch from clock_timestamp())::float8",
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
}
BELIEVED_SECONDS = 10.0  # so soon a clock that was set is noticed

_read: tuple[float, datetime] | None = None  # when, by the monotonic clock, and what it said


def now() -> datetime:
    """The time, at most as far off as a query takes. Raises `DatabaseError` where it must ask and cannot."""
    global _read
    at = time.monotonic()
    if _read is None or at - _read[0] > BELIEVED_SECONDS:
        _read = (at, _ask())
    return _read[1] + timedelta(seconds=at - _read[0])


def _ask() -> datetime:
    database = connections[DEFAULT_DB_ALIAS]
    [(seconds,)] = execute(f"SELECT {NOW[database.vendor]}", []).fetchall()
    return datetime.fromtimestamp(seconds, UTC)
