"""Whether the database is of this version: neither behind the code, nor ahead of it."""

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


class Seen:
    """What this process knows: the newest migration of each app in the code, and when the database had no other."""

    newest: dict[str, str] | None = None
    good_at = float("-inf")


@dataclass
class MigrationCheck(NamedCheck):
    """Once seen up to date, a database stays so for the code that this process runs, unless a newer one migrates it."""

    name: str = "migrations"

    def run(self) -> None:
        if Seen.newest is None:
            Seen.newest = _newest_of_code()
        if time.monotonic() - Seen.good_at > KEPT_SECONDS:
            if ahead := _ahead(Seen.newest):
                raise ServiceUnavailable(
                    f"The database was migrated by a newer version than this one: {', '.join(ahead[:NAMED])}."
                )
            Seen.good_at = time.monotonic()
        self.detail = "Up to date."


def _newest_of_code() -> dict[str, str]:
    """The newest migration by app. Raises `ServiceUnavailable` where the database has not all of them."""
    executor = MigrationExecutor(connection)
    leaves = executor.loader.graph.leaf_nodes()
    if executor.migration_plan(leaves):
        raise ServiceUnavailable("The database is not migrated to this version.")
    return dict(leaves)


def _ahead(newest: dict[str, str]) -> list[str]:
    """Migrations in the database that are numbered above all of the code's."""
    applied = (
        MigrationRecorder.Migration.objects.filter(app__in=newest).values_list("app", "name").order_by("app", "name")
    )
    return [f"{app}.{name}" for app, name in applied if name[:4].isdigit() and name[:4] > newest[app][:4]]
