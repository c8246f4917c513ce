"""Short statements of the hot path, on one cursor a thread.

Django opens a cursor for every statement: that takes SQLite a third as long as to queue a job.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.utils import CursorWrapper

_own = threading.local()


def execute(text: str, parameters: Mapping[str, Any] | Sequence[Any]) -> CursorWrapper:
    """Execute on this thread's connection. The thread's next statement takes the cursor: fetch all of it at once."""
    cursor = _cursor()
    cursor.execute(text, parameters)
    return cursor


def executemany(text: str, rows: Sequence[Sequence[Any]]) -> None:
    """Execute once for each of `rows`."""
    _cursor().executemany(text, rows)


def _cursor() -> CursorWrapper:
    """The one at hand, unless it is of another connection or somebody looks at the queries: then a new one."""
    database = connections[DEFAULT_DB_ALIAS]
    if database.queries_logged:
        return database.cursor()
    cursor: CursorWrapper | None = getattr(_own, "cursor", None)
    if cursor is None or cursor.cursor.connection is not database.connection:
        cursor = _own.cursor = database.cursor()
    return cursor
