"""A connection pooler between this system and PostgreSQL, such as PgBouncer: noticed, and taken into account.

In transaction mode each transaction may go to another server process, which does not know the statements that were
prepared on the one before (PgBouncer before 1.22, and later ones without `max_prepared_statements`). Behind a pooler
nothing is prepared, and no cursor outlives its transaction: a little slower, and right with each of them.
"""

from __future__ import annotations

import logging
from typing import Any
from weakref import WeakSet

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

logger = logging.getLogger(__name__)

_looked_at: WeakSet[Any] = WeakSet()
_found = False


def is_between() -> bool:
    """Whether a connection of this process was found to go through a pooler."""
    return _found


def watch() -> None:
    connection_created.connect(_look, dispatch_uid="hsi.db.pooler")


def _look(sender: object, connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    session: Any = connection.connection
    if connection.vendor != "postgresql" or session in _looked_at:
        return
    _looked_at.add(session)
    # A pooler cannot know with which process it will answer, so it greets a client with a number of its own.
    real = session.execute("SELECT pg_backend_pid()").fetchone()[0]
    if real != session.info.backend_pid:
        _heed(connection)


def _heed(connection: BaseDatabaseWrapper) -> None:
    global _found
    session: Any = connection.connection
    session.prepare_threshold = None
    connection.settings_dict["DISABLE_SERVER_SIDE_CURSORS"] = True
    if not _found:
        _found = True
        logger.info("The database is reached through a connection pooler (such as PgBouncer): nothing is prepared")
