"""Convert rows to JSON values, from objects and directly from the database, with the same result.

The columns of a list are a fixed SQL text, with times as text. Composing the SQL for each page, creating objects, and
converting times back and forth takes several times as long as the query.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import NotSupportedError, connections, models
from django.db.models import Model, QuerySet

from hsi.times import iso

Columns = tuple[tuple[str, str], ...]


def values(row: Model, columns: Columns) -> dict[str, Any]:
    """Return the attributes of `row` under their names in `columns`."""
    return {name: _plain(getattr(row, attribute)) for name, attribute in columns}


def _plain(value: Any) -> Any:
    return iso(value) if isinstance(value, datetime) else value


def read(queryset: QuerySet[Any], columns: Columns) -> list[dict[str, Any]]:
    """Return the same values for every row of `queryset`. Equal JSON values are shared: do not modify them."""
    model: type[Model] = queryset.model
    database, selection = connections[queryset.db], _selection(model, columns, connections[queryset.db].vendor)
    try:
        sql, parameters = queryset.values_list("pk").query.get_compiler(connection=database).as_sql()
    except EmptyResultSet:  # no row can match
        return []
    if not sql.startswith(selection.replaces):
        raise NotSupportedError(f"Cannot be read as plain rows: {sql}")
    with database.cursor() as cursor:
        cursor.execute(selection.sql + sql[len(selection.replaces) :], parameters)
        found = [dict(zip(selection.names, row, strict=True)) for row in cursor.fetchall()]
    for name, convert in selection.converters:
        once = cache(convert)  # rows of a page have many equal values
        for row in found:
            if row[name] is not None:
                row[name] = once(row[name])
    return found


@dataclass(frozen=True, slots=True)
class _Selection:
    """A selection: `sql` replaces `replaces`, which selects the primary key only."""

    names: tuple[str, ...]
    sql: str
    replaces: str
    converters: tuple[tuple[str, Callable[[str], Any]], ...]


@cache
def _selection(model: type[Model], columns: Columns, vendor: str) -> _Selection:
    fields = {name: model._meta.get_field(attribute) for name, attribute in columns}
    table, key = model._meta.db_table, model._meta.pk
    terms = {name: _term(field, f'"{table}"."{field.column}"', vendor) for name, field in fields.items()}  # type: ignore[union-attr]
    return _Selection(
        names=tuple(fields),
        sql=f"SELECT {', '.join(sql for sql, _ in terms.values())} FROM ",
        replaces=f'SELECT "{table}"."{key.column}" AS "pk" FROM ',
        converters=tuple((name, convert) for name, (_, convert) in terms.items() if convert),
    )


def _term(field: Any, column: str, vendor: str) -> tuple[str, Callable[[str], Any] | None]:
    """Return the SQL term of a column and the function that converts its value to JSON."""
    if isinstance(field, models.JSONField):
        return f"CAST({column} AS text)", json.loads
    if not isinstance(field, models.DateTimeField):
        return column, None
    if vendor == "sqlite":  # keeps `2026-03-01 12:00:00.500000`, in UTC
        return f"replace({column}, ' ', 'T') || 'Z'", None
    return f"CAST({column} AS text)", _time_of


def _time_of(text: str) -> str:
    """Convert a time of PostgreSQL (`2026-03-01 12:00:00.5+00`; connections use UTC)."""
    fraction = text[20:].removesuffix("+00") if "." in text else ""
    return f"{text[:10]}T{text[11:19]}.{fraction:0<6}Z" if fraction else f"{text[:10]}T{text[11:19]}Z"
