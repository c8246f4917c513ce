"""Export rows as CSV for spreadsheets or as JSON for programs, streamed in chunks."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import django_filters
from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse
from django.utils import timezone

from hsi.api.filters import YesNoFilter, as_they_are

CHUNK = 500
BOM = "\ufeff"  # tells Excel that a CSV file is UTF-8
# Characters that start a formula in a spreadsheet, also after blanks and in their full-width forms.
FORMULA = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
Chunks = Iterable[Sequence[Mapping[str, Any]]]


class ExportResponse(StreamingHttpResponse):
    """Stream in chunks, also under ASGI. Django's own response would collect all chunks first."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts = iter(self.streaming_content)  # type: ignore[arg-type]  # it was made from an iterator that is not async
        while part := await sync_to_async(lambda: next(parts, b""))():
            yield part


def response(name: str, columns: Sequence[str], of: Chunks, kind: str, *, bom: bool = False) -> ExportResponse:
    """Build the response. `kind` is a key of `FORMATS`. The file is named after `name` and the date."""
    content_type, write = FORMATS[kind]
    parts = write(columns, of)
    file = f"{name}-{timezone.localdate().isoformat()}.{kind}"
    return ExportResponse(
        _with_bom(parts) if bom and kind == "csv" else parts,
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{file}"', "Cache-Control": "private, no-store"},
    )


def _with_bom(parts: Iterable[bytes]) -> Iterator[bytes]:
    yield BOM.encode()
    yield from parts


def _csv(columns: Sequence[str], of: Chunks) -> Iterator[bytes]:
    yield _lines([columns])
    for rows in of:
        yield _lines([cell(row[column]) for column in columns] for row in rows)


def _lines(rows: Iterable[Iterable[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def cell(value: Any) -> Any:
    """Return the text of a spreadsheet cell. A text that would run as a formula gets a leading `'`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    if isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and (value[:1] in ("\t", "\r", "\n") or value.lstrip()[:1] in FORMULA):
        return f"'{value}"
    return value


def _json(columns: Sequence[str], of: Chunks) -> Iterator[bytes]:
    before = b"["
    for rows in of:
        yield before + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
        before = b",\n"
    yield b"]\n" if before != b"[" else b"[]\n"


FORMATS: Mapping[str, tuple[str, Callable[[Sequence[str], Chunks], Iterator[bytes]]]] = {
    "csv": ("text/csv; charset=utf-8", _csv),
    "json": ("application/json", _json),
}


class FileFilters(django_filters.FilterSet):  # type: ignore[misc]
    """The parameters that select the format of the file."""

    format = django_filters.ChoiceFilter(choices=[(name, name) for name in FORMATS], method=as_they_are)
    bom = YesNoFilter(method=as_they_are)
