"""Detect a connection pooler between this process and PostgreSQL, such as PgBouncer, and adapt to it.

In transaction mode, each transaction may use another server process, which does not know earlier prepared statements
(PgBouncer before 1.22, and later versions without `max_prepared_statements`). Behind a pooler, nothing is prepared and
no cursor outlives its transaction. This is slightly slower and works with every pooler.
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
    """Return whether a connection of this process went through a pooler."""
    return _found


def watch() -> None:
    connection_created.connect(_look, dispatch_uid="hsi.db.pooler")


def _look(sender: object, connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    session: Any = connection.connection
    if connection.vendor != "postgresql" or session in _looked_at:
        return
    _looked_at.add(session)
    # A pooler does not know the server process in advance, so it sends the client a number of its own.
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
        logger.info("The database is behind a connection pooler (such as PgBouncer), so statements are not prepared")
