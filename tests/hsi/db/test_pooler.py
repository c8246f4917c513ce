from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from weakref import WeakSet

import pytest
from django.db import connection

from hsi.db import pooler
from monitoring.health.checks import DatabaseCheck


class Session:
    """A connection of psycopg: what it was greeted with, and which process answers."""

    def __init__(self, greeted: int, answers: int) -> None:
        self.info = SimpleNamespace(backend_pid=greeted)
        self.prepare_threshold: int | None = 5
        self._answers = answers
        self.asked = 0

    def execute(self, statement: str) -> Any:
        self.asked += 1
        return SimpleNamespace(fetchone=lambda: (self._answers,))


def look(session: Session) -> dict[str, Any]:
    wrapper: Any = SimpleNamespace(vendor="postgresql", connection=session, settings_dict={})
    pooler._look(None, wrapper)
    pooler._look(None, wrapper)
    return dict(wrapper.settings_dict)


@pytest.fixture(autouse=True)
def _not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooler, "_found", False)


@pytest.mark.django_db
def test_behind_a_pooler_nothing_is_prepared_and_health_says_so():
    session = Session(greeted=4711, answers=12)
    assert look(session) == {"DISABLE_SERVER_SIDE_CURSORS": True}
    assert session.prepare_threshold is None
    assert session.asked == 1
    check = DatabaseCheck()
    check.run()
    assert "connection pooler" in check.detail


def test_a_direct_connection_prepares():
    session = Session(greeted=12, answers=12)
    assert look(session) == {}
    assert (session.prepare_threshold, pooler.is_between()) == (5, False)


@pytest.mark.django_db
def test_the_database_of_the_tests_is_reached_directly(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pooler, "_looked_at", WeakSet())
    connection.ensure_connection()
    pooler._look(None, connection)
    assert not pooler.is_between()
