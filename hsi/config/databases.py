"""The database connection: SQLite in the data folder, or PostgreSQL through the pool of psycopg."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import environ

SQLITE_OPTIONS = {
    # Writers take turns from their first statement on, and readers never wait for them.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA mmap_size=134217728; PRAGMA cache_size=-16000;"
    ),
}


def configured(values: Mapping[str, Any], data_dir: Path) -> dict[str, Any]:
    """Return the entry of DATABASES. `values` are the values of our settings."""
    url = values["DATABASE_URL"] or f"sqlite:///{data_dir / 'hsi.sqlite3'}"
    url = url.replace("postgresql+asyncpg://", "postgresql://", 1)
    database: dict[str, Any] = environ.Env.db_url_config(url)
    is_sqlite = database["ENGINE"].endswith("sqlite3")
    database["ENGINE"] = f"hsi.db.backends.{'sqlite3' if is_sqlite else 'postgresql'}"
    if is_sqlite:
        if database["NAME"] != ":memory:":
            Path(database["NAME"]).parent.mkdir(parents=True, exist_ok=True)
        database["OPTIONS"] = SQLITE_OPTIONS
        database["CONN_MAX_AGE"] = None  # opening it costs as much as storing a picture
        database["TEST"] = {"NAME": str(data_dir / "test.sqlite3")}
    else:
        database["CONN_HEALTH_CHECKS"] = True  # replaces a connection that died while idle
        database["CONN_MAX_AGE"] = 0  # the pool keeps connections, the threads do not
        database["OPTIONS"] = database.get("OPTIONS", {}) | _postgresql_options(values)
    return database


def _postgresql_options(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of PostgreSQL with prepared statements, which halve the time of short statements.

    Each process has one pool. It opens connections on demand, up to size plus overflow.
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
