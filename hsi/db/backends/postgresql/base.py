"""PostgreSQL with query metrics."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db.backends.postgresql import base
from django_prometheus.db import connection_errors_total, connections_total

from hsi.db.backends.cursor import counting


@cache
def awaiting(cursor_class: Any) -> type[Any]:
    """Return a subclass of `cursor_class` whose `rowcount` waits for the result in a pipeline, as `fetchone` does.

    Otherwise it is -1 there, and `QuerySet.update` returns it as the number of rows.
    """

    class AwaitingCursor(cursor_class):  # type: ignore[misc]
        @property
        def rowcount(self) -> int:
            self._fetch_pipeline()
            count: int = super().rowcount
            return count

    return AwaitingCursor


class DatabaseWrapper(base.DatabaseWrapper):
    """Counts a connection when it is opened.

    The engine of django-prometheus also counts each one that is taken from the pool, which is once a request.
    """

    def get_connection_params(self) -> dict[str, Any]:
        parameters: dict[str, Any] = super().get_connection_params()
        cursor_class: Any = awaiting(parameters["cursor_factory"])
        return parameters | {"cursor_factory": counting(cursor_class, self.alias, self.vendor)}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        try:
            connection = super().get_new_connection(conn_params)
        except Exception:
            connection_errors_total.labels(self.alias, self.vendor).inc()
            raise
        if not self.pool:
            connections_total.labels(self.alias, self.vendor).inc()
        return connection

    def _configure_connection(self, connection: Any) -> Any:
        """Configure a new connection. The pool calls this for each one; without a pool, Django does."""
        if self.pool:
            connections_total.labels(self.alias, self.vendor).inc()
        return super()._configure_connection(connection)  # type: ignore[misc]
