"""What the queue's statements cost without Django and without our code: the driver alone, on the same table.

The rows are of a queue's own name, so both may use one database; for whoever takes from that name
they come from another process.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection

from tests.bench.through import BareQueue

PUT = "INSERT INTO hsi_queuejob (queue,row_id,attempts,enqueued_at,due_at,lease,failures,trace) VALUES "
COLUMNS = "id,row_id,attempts,enqueued_at,failures,trace"


class BareSQLite:
    def __init__(self, raw: sqlite3.Connection) -> None:
        self.raw = raw

    def put(self, row_ids: list[int]) -> None:
        now = "((julianday('now') - 2440587.5) * 86400.0)"
        values = ",".join([f"('bench',?,0,{now},{now},'','[]','')"] * len(row_ids))
        self.raw.execute(PUT + values, row_ids)

    def take(self, limit: int) -> list[Any]:
        now = "((julianday('now') - 2440587.5) * 86400.0)"
        return self.raw.execute(
            f"UPDATE hsi_queuejob SET lease='bare', attempts=attempts+1, due_at={now}+60 WHERE id IN (SELECT id FROM"
            f" hsi_queuejob WHERE queue='bench' AND due_at<={now} ORDER BY due_at,id LIMIT ?) RETURNING {COLUMNS}",
            [limit],
        ).fetchall()

    def ack(self, rows: list[Any]) -> None:
        marks = ",".join("?" * len(rows))
        self.raw.execute(f"DELETE FROM hsi_queuejob WHERE id IN ({marks}) AND lease='bare'", [row[0] for row in rows])


class BarePostgreSQL:
    def __init__(self, raw: psycopg.Connection) -> None:
        self.raw = raw

    def put(self, row_ids: list[int]) -> None:
        now = "extract(epoch from clock_timestamp())"
        self.raw.execute(
            "INSERT INTO hsi_queuejob (queue,row_id,attempts,enqueued_at,due_at,lease,failures,trace)"
            f" SELECT 'bench',row_id,0,{now},{now},'','[]','' FROM unnest(%s::bigint[]) AS row_id",
            [row_ids],
        )

    def take(self, limit: int) -> list[Any]:
        now = "extract(epoch from clock_timestamp())"
        return self.raw.execute(
            f"UPDATE hsi_queuejob SET lease='bare', attempts=attempts+1, due_at={now}+60 WHERE id IN (SELECT id FROM"
            f" hsi_queuejob WHERE queue='bench' AND due_at<={now} ORDER BY due_at,id LIMIT %s FOR UPDATE SKIP LOCKED)"
            f" RETURNING {COLUMNS}",
            [limit],
        ).fetchall()

    def ack(self, rows: list[Any]) -> None:
        self.raw.execute("DELETE FROM hsi_queuejob WHERE id=ANY(%s) AND lease='bare'", [[row[0] for row in rows]])


@contextmanager
def bare_queue() -> Iterator[BareQueue]:
    """On a second connection to the database in use, with the same options."""
    if connection.vendor == "postgresql":
        facts = connection.get_connection_params()
        names = ("dbname", "user", "password", "host", "port")
        with psycopg.connect(**{name: facts[name] for name in names if facts.get(name)}, autocommit=True) as raw:
            yield BarePostgreSQL(raw)
        return
    database = settings.DATABASES["default"]
    options = database["OPTIONS"]
    other = sqlite3.connect(database["NAME"], isolation_level=None, timeout=options["timeout"])
    try:
        other.executescript(options["init_command"])
        yield BareSQLite(other)
    finally:
        other.close()
