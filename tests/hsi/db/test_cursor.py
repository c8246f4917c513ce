from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hsi.db.cursor import execute, executemany
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_thread_keeps_its_cursor() -> None:
    assert execute("SELECT %(n)s+1", {"n": 1}).fetchall() == [(2,)]
    first = execute("SELECT 1", [])
    assert execute("SELECT 2", []) is first


def test_another_connection_has_another_cursor() -> None:
    first = execute("SELECT 1", [])
    connection.close()
    again = execute("SELECT 2", [])
    assert again is not first
    assert again.fetchall() == [(2,)]


def test_who_looks_at_the_queries_sees_them_and_only_while_looking() -> None:
    execute("SELECT 1", [])
    with CaptureQueriesContext(connection) as captured:
        execute("SELECT 2", [])
    execute("SELECT 3", [])
    assert [query["sql"] for query in captured.captured_queries] == ["SELECT 2"]


def test_many_rows_are_one_call() -> None:
    factories.camera("a")
    factories.camera("b")
    executemany("UPDATE cameras_camera SET name=%s WHERE id=%s", [("A", "a"), ("B", "b")])
    assert execute("SELECT name FROM cameras_camera ORDER BY id", []).fetchall() == [("A",), ("B",)]
