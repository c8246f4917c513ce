"""The time by the clock of the database, without a query each time.

Times that several machines compare must come from one clock, because the clocks of machines differ and may be set.
Between queries, the monotonic clock counts on. On SQLite the clock of the database is the clock of this machine.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from django.db import DEFAULT_DB_ALIAS, connections

from hsi import process_state
from hsi.db.sql import execute

# SQL expressions of the database clock in seconds since 1970, by vendor.
NOW = {
    "postgresql": "extract(epoch from clock_timestamp())::float8",
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
}
BELIEVED_SECONDS = 10.0  # a changed clock is noticed within this time

_read: tuple[float, datetime] | None = None  # monotonic time of the last query, and its result


def now() -> datetime:
    """Return the time, with an error of at most one query. Raise `DatabaseError` if a needed query fails."""
    global _read
    at = time.monotonic()
    if _read is None or at - _read[0] > BELIEVED_SECONDS:
        _read = (at, _ask())
    return _read[1] + timedelta(seconds=at - _read[0])


def forget() -> None:
    """Ask the database again at the next call."""
    global _read
    _read = None


process_state.register(forget)


def _ask() -> datetime:
    database = connections[DEFAULT_DB_ALIAS]
    [(seconds,)] = execute(f"SELECT {NOW[database.vendor]}", []).fetchall()
    return datetime.fromtimestamp(seconds, UTC)
