"""Health of the database schema: it must match the migrations of the code."""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from health_check.exceptions import ServiceUnavailable

from monitoring.health.checks import NamedCheck

KEPT_SECONDS = 30.0
NAMED = 3


class Cache:
    """Cached state: the newest migration of each app in the code, and when the database last matched."""

    newest: dict[str, str] | None = None
    good_at = float("-inf")


@dataclass
class MigrationCheck(NamedCheck):
    """Compares once with the code of this process, and then only looks for newer migrations."""

    name: str = "migrations"

    def run(self) -> None:
        if Cache.newest is None:
            Cache.newest = _newest_of_code()
        if time.monotonic() - Cache.good_at > KEPT_SECONDS:
            if ahead := _ahead(Cache.newest):
                raise ServiceUnavailable(f"The database was migrated by a newer version: {', '.join(ahead[:NAMED])}.")
            Cache.good_at = time.monotonic()
        self.detail = "Up to date."


def _newest_of_code() -> dict[str, str]:
    """Return the newest migration by app. Raises ServiceUnavailable if the database misses one."""
    executor = MigrationExecutor(connection)
    leaves = executor.loader.graph.leaf_nodes()
    if executor.migration_plan(leaves):
        raise ServiceUnavailable("The database is not migrated to this version.")
    return dict(leaves)


def _ahead(newest: dict[str, str]) -> list[str]:
    """Return applied migrations with a higher number than any in the code."""
    applied = (
        MigrationRecorder.Migration.objects.filter(app__in=newest).values_list("app", "name").order_by("app", "name")
    )
    return [f"{app}.{name}" for app, name in applied if name[:4].isdigit() and name[:4] > newest[app][:4]]
