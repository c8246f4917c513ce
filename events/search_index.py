"""The full-text index of `events.search`. The database maintains it, so that it is correct after every kind of write.

PostgreSQL has a generated column `search` (tsvector) with a GIN index. SQLite has the table `events_search` (FTS5
without a copy of the text), maintained by triggers. Both split text into the same words: runs of letters and decimal
digits in lower case, of the first `LONGEST_TEXT` characters of a field. The name of the camera is not in the index:
`events.search` looks it up, so that a new name is found immediately.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

LONGEST_TEXT = 10_000
# Weights by field, highest first. In PostgreSQL A counts 1.0, B 0.4, D 0.1. SQLite uses `RANK`.
FIELDS = {"summary": "A", "notes": "B", "labels": "B", "reasoning": "D"}
RANK = "bm25(events_search, 10, 4, 4, 1)"
# Starts every word in PostgreSQL. Otherwise its parser would read 1e5 as a number and split 1e5th.
MARK = "w"
# Separates two fields, so that a phrase cannot span them. No word equals it.
GAP = "'''|'':1'::tsvector"
# In order of preference. These know the letters of all languages, even if the locale of the database is C.
COLLATIONS = ("und-x-icu", "pg_c_utf8", "default")


def install(connection: BaseDatabaseWrapper) -> None:
    """Create the index and fill it from the existing rows, inside the database."""
    for statement in _postgresql(connection) if connection.vendor == "postgresql" else _sqlite():
        _run(connection, statement)


def remove(connection: BaseDatabaseWrapper) -> None:
    if connection.vendor == "postgresql":
        _run(connection, "DROP INDEX event_labels")
        _run(connection, "ALTER TABLE events_event DROP COLUMN search")  # its index goes with it
        return
    for name in ("insert", "update", "delete"):
        _run(connection, f"DROP TRIGGER IF EXISTS events_search_{name}")
    _run(connection, "DROP TABLE events_search")


def keep(connection: BaseDatabaseWrapper) -> None:
    """Restore the index after a `migrate`: on SQLite, a migration that rebuilds the table drops its triggers.

    Rows that were written without the triggers are not in the index, so the whole index is built again.
    """
    if connection.vendor == "sqlite" and 0 < _parts(connection) <= len(TRIGGERS):
        with transaction.atomic(connection.alias):
            remove(connection)
            install(connection)


def _run(connection: BaseDatabaseWrapper, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _parts(connection: BaseDatabaseWrapper) -> int:
    """Return how many of the table and its triggers exist."""
    named = "type='table' AND name='events_search' OR type='trigger' AND name LIKE 'events_search_%'"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM sqlite_master WHERE {named}")
        return int(cursor.fetchone()[0])


def _postgresql(connection: BaseDatabaseWrapper) -> list[str]:
    collation = _collation(connection)
    document = f" || {GAP} || ".join(_vector(name, weight, collation) for name, weight in FIELDS.items())
    return [
        f"ALTER TABLE events_event ADD COLUMN search tsvector GENERATED ALWAYS AS ({document}) STORED",
        "CREATE INDEX event_search ON events_event USING gin (search)",
        "CREATE INDEX event_labels ON events_event USING gin (labels jsonb_path_ops)",
    ]


def _vector(name: str, weight: str, collation: str) -> str:
    text = f'lower(left({name}::text, {LONGEST_TEXT}) COLLATE "{collation}")'
    marked = f"'{MARK}' || regexp_replace({text}, '[^[:alnum:]]+', ' {MARK}', 'g')"
    return f"setweight(to_tsvector('pg_catalog.simple', {marked}), '{weight}')"


def _collation(connection: BaseDatabaseWrapper) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT collname FROM pg_collation WHERE collencoding IN (-1, 6)")  # 6: UTF8
        available: set[Any] = {name for (name,) in cursor.fetchall()}
    return next(name for name in COLLATIONS if name in available)


def _sqlite() -> list[str]:
    return [
        f"CREATE VIRTUAL TABLE events_search USING fts5({', '.join(FIELDS)}, content='',"
        " tokenize=\"unicode61 remove_diacritics 0 categories 'L* Nd'\")",
        f"INSERT INTO events_search(rowid, {', '.join(FIELDS)}) SELECT id, {_values('events_event')} FROM events_event",
        *TRIGGERS,
    ]


def _values(row: str) -> str:
    labels = f"(SELECT group_concat(value, ' ') FROM json_each({row}.labels))"
    texts = {name: f"{row}.{name}" for name in FIELDS} | {"labels": labels}
    return ", ".join(f"substr({texts[name]}, 1, {LONGEST_TEXT})" for name in FIELDS)


_COLUMNS = ", ".join(FIELDS)
_ADD = f"INSERT INTO events_search(rowid, {_COLUMNS}) VALUES (new.id, {_values('new')})"
_TAKE = f"INSERT INTO events_search(events_search, rowid, {_COLUMNS}) VALUES ('delete', old.id, {_values('old')})"
TRIGGERS = tuple(
    f"CREATE TRIGGER events_search_{name} AFTER {when} ON events_event BEGIN {'; '.join(statements)}; END"
    for name, when, statements in (
        ("insert", "INSERT", (_ADD,)),
        ("update", f"UPDATE OF id, {_COLUMNS}", (_TAKE, _ADD)),
        ("delete", "DELETE", (_TAKE,)),
    )
)
