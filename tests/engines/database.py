"""Empty databases for child processes: what they write, no test's rollback would undo."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql


def sqlite(folder: Path) -> str:
    """The URL of a SQLite database in `folder` that does not exist yet."""
    return f"sqlite:///{folder / 'database.sqlite3'}"


@contextmanager
def postgresql(server_url: str) -> Iterator[str]:
    """The URL of a new, empty database on that server, dropped after the block whoever still uses it."""
    name = f"hsi_{secrets.token_hex(6)}"
    with psycopg.connect(_named(server_url, "postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield _named(server_url, name)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _named(url: str, database: str) -> str:
    return urlsplit(url)._replace(path=f"/{database}").geturl()
