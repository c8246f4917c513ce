"""Cool-down windows: the database lets one of any number of analysers through, once a window."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import DEFAULT_DB_ALIAS, connections

from events.models import AlertRule, CoolDown
from hsi.db import sql

# A window that began this much later than an event was first told: the clock was set back since.
CLOCK_SLACK = timedelta(seconds=60)


def begin(rule: AlertRule, dedup_key: str, at: datetime, *, level: int, is_new: bool = True) -> int | None:
    """Begin a window at `at`, when the event was first told, and give its number. None: another one is still open.

    A `level` (place in `Event.Level`) above all that was told within the open one begins another.

    One statement: a second analyser waits at the row until the first one's transaction is over, and then sees
    what became of it. An event that is not new was there before the window began, and had its chance.
    """
    since = at + CLOCK_SLACK if rule.cooldown_seconds == 0 else at - timedelta(seconds=rule.cooldown_seconds)
    future = at + CLOCK_SLACK if is_new else datetime.max.replace(tzinfo=at.tzinfo)
    table = CoolDown._meta.db_table
    database = connections[DEFAULT_DB_ALIAS]
    with database.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (rule_id,dedup_key,began_at,number,level)"
            " VALUES (%(rule)s,%(key)s,%(at)s,1,%(level)s)"
            " ON CONFLICT (rule_id,dedup_key) DO UPDATE"
            f" SET began_at=excluded.began_at, number={table}.number+1, level=excluded.level"
            f" WHERE {table}.began_at<=%(since)s OR {table}.began_at>%(future)s OR {table}.level<%(level)s"
            " RETURNING number",
            {"rule": rule.pk, "key": dedup_key, "level": level, **{name: sql.prepared(CoolDown, "began_at", moment)
             for name, moment in {"at": at, "since": since, "future": future}.items()}},
        )  # fmt: skip
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def rise(rule_id: int, dedup_key: str, number: int, level: int) -> None:
    """The alert that began window `number` has risen to `level`: others of that level are held back from now on."""
    CoolDown.objects.filter(rule=rule_id, dedup_key=dedup_key, number=number, level__lt=level).update(level=level)
