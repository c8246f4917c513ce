"""Fixed SQL statements for the reads and writes of every picture.

A queryset composes its SQL for each call, which takes ten times as long as SQLite needs to execute it. Values still
pass through the model fields, as in a queryset. Only our code names columns, and values are always parameters. All
statements of a thread share one cursor, because opening a cursor per statement takes SQLite a third of the time that
queueing a job needs.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.utils import CursorWrapper
from django.db.models import AutoField, Field, Model

Row = TypeVar("Row", bound=Model)

_own = threading.local()


def execute(text: str, parameters: Mapping[str, Any] | Sequence[Any]) -> CursorWrapper:
    """Execute on the connection of this thread. Fetch all rows at once: the next statement reuses the cursor."""
    cursor = _cursor()
    cursor.execute(text, parameters)
    return cursor


def executemany(text: str, rows: Sequence[Sequence[Any]]) -> None:
    """Execute once for each of `rows`."""
    _cursor().executemany(text, rows)


def _cursor() -> CursorWrapper:
    """Return the cursor of this thread, or a new one after a reconnect or while queries are captured."""
    database = connections[DEFAULT_DB_ALIAS]
    if database.queries_logged:
        return database.cursor()
    cursor: CursorWrapper | None = getattr(_own, "cursor", None)
    if cursor is None or cursor.cursor.connection is not database.connection:
        cursor = _own.cursor = database.cursor()
    return cursor


def select(model: type[Row], condition: str, parameters: Mapping[str, Any], *, lock: bool = False) -> list[Row]:
    """Return the rows that match the SQL `condition`, which may end with an ORDER BY.

    Parameters are numbers, texts, or results of `prepared`. With `lock`, the rows are locked until the end of the
    transaction, except against mere references. SQLite has already locked the whole database.
    """
    database = connections[DEFAULT_DB_ALIAS]
    table = _table(model, database.vendor)
    suffix = " FOR NO KEY UPDATE" if lock and database.features.has_select_for_update else ""
    found = execute(f"{table.select}{condition}{suffix}", parameters).fetchall()
    return [model.from_db(DEFAULT_DB_ALIAS, table.names, table.converted(row, database)) for row in found]


def lock(model: type[Model], pk: Any) -> None:
    """Lock this row until the end of the transaction, except against mere references. See `select`."""
    database = connections[DEFAULT_DB_ALIAS]
    if database.features.has_select_for_update:
        table = _table(model, database.vendor)
        execute(f"SELECT 1 FROM {table.name} WHERE {table.key}=%(row)s FOR NO KEY UPDATE", {"row": pk})


def update(row: Model, values: Mapping[str, Any], *, only_if: str = "true") -> bool:
    """Write `values` by attribute name to the row and the object if the SQL `only_if` holds. Return whether it held."""
    database = connections[DEFAULT_DB_ALIAS]
    table = _table(type(row), database.vendor)
    assignments = ",".join(f"{_column(table.fields[name])}=%({name})s" for name in values)
    parameters = {name: table.fields[name].get_db_prep_save(value, database) for name, value in values.items()}
    statement = f"UPDATE {table.name} SET {assignments} WHERE {table.key}=%(row)s AND {only_if}"
    if not execute(statement, {**parameters, "row": row.pk}).rowcount:
        return False
    for name, value in values.items():
        setattr(row, name, value)
    return True


def insert(rows: Sequence[Model]) -> None:
    """Insert new rows of one model. The objects do not get the ids that the database assigns."""
    if not rows:
        return
    database = connections[DEFAULT_DB_ALIAS]
    table = _table(type(rows[0]), database.vendor)
    columns = [_prepared_column(field, rows, database) for field in table.written]
    values = zip(*columns, strict=True)
    if database.vendor == "postgresql":
        names = [_column(field) for field in table.written]
        records = [dict(zip(names, row, strict=True)) for row in values]
        execute(table.insert, [json.dumps(records, default=_json)])
    else:
        executemany(table.insert, list(values))


def _json(value: Any) -> Any:
    """Return the JSON form of a time or of the value of a JSON column."""
    return value.isoformat() if isinstance(value, datetime) else value.obj


def _prepared_column(field: Field[Any, Any], rows: Sequence[Model], database: Any) -> list[Any]:
    """Prepare one column of `rows`. Prepare a value that is equal in every row, such as the camera, once."""
    values = [getattr(row, field.attname) for row in rows]
    first = values[0]
    if all(value is first for value in values):
        return [field.get_db_prep_save(first, database)] * len(values)
    return [field.get_db_prep_save(value, database) for value in values]


def prepared(model: type[Model], name: str, value: Any) -> Any:
    """Prepare `value` of the field `name` for the driver, for use with `select`."""
    database = connections[DEFAULT_DB_ALIAS]
    return _table(model, database.vendor).fields[name].get_db_prep_value(value, database)


@dataclass(frozen=True, slots=True)
class _Table(Generic[Row]):
    """The table of a model on one engine. `converters` maps positions to an expression and its functions."""

    name: str
    key: str
    names: list[str]
    fields: dict[str, Field[Any, Any]]
    written: list[Field[Any, Any]]
    select: str
    insert: str
    converters: list[tuple[int, Any, list[Callable[..., Any]]]]

    def converted(self, row: Sequence[Any], database: Any) -> list[Any]:
        values = list(row)
        for place, expression, functions in self.converters:
            for function in functions:
                values[place] = function(values[place], expression, database)
        return values


@cache
def _table(model: type[Row], vendor: str) -> _Table[Row]:
    database = connections[DEFAULT_DB_ALIAS]
    fields: list[Field[Any, Any]] = list(model._meta.concrete_fields)
    written = [field for field in fields if not isinstance(field, AutoField)]
    name = model._meta.db_table
    columns = [_column(field) for field in written]
    converters = []
    for place, field in enumerate(fields):
        expression = field.get_col(name)
        functions = [*database.ops.get_db_converters(expression), *field.get_db_converters(database)]
        if functions:
            converters.append((place, expression, functions))
    return _Table(
        name=name,
        key=_column(model._meta.pk),
        names=[field.attname for field in fields],
        fields={field.attname: field for field in fields},
        written=written,
        select=f"SELECT {','.join(_column(field) for field in fields)} FROM {name} WHERE ",
        insert=f"INSERT INTO {name} ({','.join(columns)}) {_source(written, database)}",
        converters=converters,
    )


def _source(fields: Sequence[Field[Any, Any]], database: Any) -> str:
    """Return the source of new rows. PostgreSQL reads one JSON text, so the SQL is always the same."""
    if database.vendor != "postgresql":
        return f"VALUES ({','.join(['%s'] * len(fields))})"
    columns = ",".join(f"{_column(field)} {field.db_type(database)}" for field in fields)
    return f"SELECT * FROM json_to_recordset(%s::json) AS new({columns})"


def _column(field: Field[Any, Any]) -> str:
    assert field.column  # noqa: S101 (concrete fields have one)
    return field.column
