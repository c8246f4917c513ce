from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from prometheus_client import REGISTRY

from hsi.db.backends.cursor import counting


def value(name: str, **labels: str) -> float:
    named = {"alias": "default", "vendor": connection.vendor, **labels}
    return REGISTRY.get_sample_value(name, named) or 0.0


@pytest.mark.django_db
def test_statements_are_counted_and_timed():
    before = value("django_db_execute_total"), value("django_db_query_duration_seconds_count")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.execute("SELECT %s", [2])
        assert cursor.fetchone()[0] in (2, "2")
    after = value("django_db_execute_total"), value("django_db_query_duration_seconds_count")
    assert after == (before[0] + 2, before[1] + 2)


@pytest.mark.django_db
def test_many_rows_count_as_many_statements():
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE numbers (number integer)")
        before = value("django_db_execute_many_total"), value("django_db_query_duration_seconds_count")
        cursor.executemany("INSERT INTO numbers VALUES (%s)", [[1], [2], [3]])
    after = value("django_db_execute_many_total"), value("django_db_query_duration_seconds_count")
    assert after == (before[0] + 3, before[1] + 1)


@pytest.mark.django_db
def test_a_failed_statement_is_counted_by_its_error_and_ends_its_transaction_only():
    error = "OperationalError" if connection.vendor == "sqlite" else "UndefinedTable"
    before = value("django_db_errors_total", type=error)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM there_is_none")
    assert value("django_db_errors_total", type=error) == before + 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


@pytest.mark.django_db(transaction=True)
def test_a_connection_is_counted_when_it_is_opened_and_not_when_the_pool_hands_it_out():
    connection.close()
    if connection.vendor == "postgresql":
        connection.close_pool()  # type: ignore[attr-defined]
    before = value("django_db_new_connections_total")
    for _ in range(3):
        connection.ensure_connection()
        connection.close()
    opened = 3 if connection.vendor == "sqlite" else 1
    assert value("django_db_new_connections_total") == before + opened


@pytest.mark.django_db
def test_the_cursor_class_is_made_once():
    with connection.cursor() as one, connection.cursor() as other:
        assert type(one.cursor) is type(other.cursor)
    assert counting(type(one.cursor).__mro__[1], "default", connection.vendor) is type(one.cursor)


@pytest.mark.django_db
def test_postgresql_keeps_its_options():
    if connection.vendor != "postgresql":
        return
    connection.ensure_connection()
    session = connection.connection
    assert connection.pool.max_size > 0  # type: ignore[attr-defined]
    assert session.prepare_threshold == 5
    assert "ServerBindingCursor" in {base.__name__ for base in session.cursor_factory.__mro__}
