"""Claiming rows with a lease: the one statement of the database queue and of the notifications.

A table with leases has the columns `id`, `due_at` (seconds by the clock of the database), `attempts` and `lease`. A
claimed row is due again when its lease ends. Every later change of a claimed row names the lease, so that a worker that
lost it changes nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

from hsi.db.clock import NOW
from hsi.db.sql import execute


def claim(
    table: str, condition: str, parameters: Mapping[str, Any], *, limit: int, lease_seconds: float, returning: str
) -> tuple[str, list[tuple[Any, ...]]]:
    """Claim up to `limit` due rows that meet `condition`, those due longest first. Return the lease and the rows.

    `condition` is SQL about the alias `due`, `returning` a list of columns that begins with `id`. The rows are sorted
    by id. PostgreSQL skips rows that another claim has locked; SQLite has one writer.
    """
    vendor = connections[DEFAULT_DB_ALIAS].vendor
    now = NOW[vendor]
    lock = " FOR UPDATE SKIP LOCKED" if vendor == "postgresql" else ""
    lease = secrets.token_hex(16)
    rows = execute(
        f"UPDATE {table} SET lease=%(lease)s, attempts=attempts+1, due_at={now}+%(seconds)s WHERE id IN"
        f" (SELECT id FROM {table} AS due WHERE due_at<={now} AND {condition}"
        f" ORDER BY due_at,id LIMIT %(limit)s{lock}) RETURNING {returning}",
        {**parameters, "lease": lease, "seconds": lease_seconds, "limit": limit},
    ).fetchall()
    return lease, sorted(rows)
