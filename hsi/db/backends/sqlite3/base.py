"""SQLite with query metrics."""

from __future__ import annotations

from typing import Any

from django_prometheus.db.backends.sqlite3 import base

from hsi.db.backends.cursor import counting


class DatabaseWrapper(base.DatabaseWrapper):  # type: ignore[misc]
    def create_cursor(self, name: str | None = None) -> Any:
        return self.connection.cursor(factory=counting(self.CURSOR_CLASS, self.alias, self.vendor))
