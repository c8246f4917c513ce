"""A cursor that counts and times its statements.

The cursor of django-prometheus looks up its metrics for each statement, and creates a class for each cursor. That takes
10 to 17 µs a statement. This one takes 4 µs, while a short read takes SQLite 11 µs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from time import perf_counter
from typing import Any

from django_prometheus.db import errors_total, execute_many_total, execute_total, query_duration_seconds


@cache
def counting(cursor_class: type[Any], alias: str, vendor: str) -> type[Any]:
    """Return a subclass of `cursor_class` that counts what it executes."""
    executed, executed_many = execute_total.labels(alias, vendor), execute_many_total.labels(alias, vendor)
    duration = query_duration_seconds.labels(alias, vendor)

    def timed(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        started_at = perf_counter()
        try:
            return call(*args, **kwargs)
        except Exception as error:
            errors_total.labels(alias, vendor, type(error).__name__).inc()
            raise
        finally:
            duration.observe(perf_counter() - started_at)

    class CountingCursor(cursor_class):  # type: ignore[misc]
        def execute(self, *args: Any, **kwargs: Any) -> Any:
            executed.inc()
            return timed(super().execute, *args, **kwargs)

        def executemany(self, query: Any, rows: Sequence[Any], *args: Any, **kwargs: Any) -> Any:
            executed.inc(len(rows))
            executed_many.inc(len(rows))
            return timed(super().executemany, query, rows, *args, **kwargs)

    return CountingCursor
