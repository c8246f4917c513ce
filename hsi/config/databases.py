"""How the database is reached: SQLite in the data folder, or PostgreSQL through psycopg's pool."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import environ

SQLITE_OPTIONS = {
    # One writer at a time from the first statement on, and readers that never wait for it.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA mmap_size=134217728; PRAGMA cache_size=-16000;"
    ),
}


def configured(values: Mapping[str, Any], data_dir: Path) -> dict[str, Any]:
    """Django's entry in DATABASES. `values` are those of our own settings."""
    url = values["DATABASE_URL"] or f"sqlite:///{data_dir / 'hsi.sqlite3'}"
    url = url.replace("postgresql+asyncpg://", "postgresql://", 1)
    database: dict[str, Any] = environ.Env.db_url_config(url)
    is_sqlite = database["ENGINE"].endswith("sqlite3")
    database["ENGINE"] = f"hsi.db.backends.{'sqlite3' if is_sqlite else 'postgresql'}"
    if is_sqlite:
        if database["NAME"] != ":memory:":
            Path(database["NAME"]).parent.mkdir(parents=True, exist_ok=True)
        database["OPTIONS"] = SQLITE_OPTIONS
        database["CONN_MAX_AGE"] = None  # to open it costs as much as to store a picture
        database["TEST"] = {"NAME": str(data_dir / "test.sqlite3")}
    else:
        database["CONN_HEALTH_CHECKS"] = True  # a connection that died while it was idle is replaced
        database["CONN_MAX_AGE"] = 0  # the pool keeps connections, not the threads
        database["OPTIONS"] = database.get("OPTIONS", {}) | _postgresql_options(values)
    return database


def _postgresql_options(values: Mapping[str, Any]) -> dict[str, Any]:
    """A connection plans a statement once, not each time: that is half of what a short one takes.

    The pool, one a process, opens connections as they are needed, up to size plus overflow.
    """
    return {
        "server_side_binding": True,
        "prepare_threshold": 5,
        "pool": {
            "min_size": 0,
            "max_size": values["DATABASE_POOL_SIZE"] + values["DATABASE_POOL_OVERFLOW"],
            "timeout": values["DATABASE_POOL_TIMEOUT"],
            "max_lifetime": values["DATABASE_POOL_RECYCLE"],
            "max_idle": 60,
        },
    }
