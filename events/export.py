"""Events as a file: CSV for a spreadsheet, JSON for programs. Streamed, a chunk at a time.

Whoever has exported events may refer to them, so retention spares them from then on: each chunk is marked before it
leaves, where who asks may change events. A viewer changes nothing.
No transaction and no cursor stays open between chunks; an event that comes meanwhile shifts nothing.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone

from events.models import Event
from events.serializers import EventData, events_data
from hsi.pagination import beyond, order

CHUNK = 500
KEYSET = "started_at"
BOM = "\ufeff"  # tells Excel that a CSV file is UTF-8
COLUMNS = tuple(EventData.__annotations__)
# What a spreadsheet takes for the beginning of a formula, also after blanks, and in the wide forms of East Asia.
FORMULA = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
Chunks = Iterable[list[EventData]]


class ExportResponse(StreamingHttpResponse):
    """In pieces, also under ASGI, where Django's own would collect them all first."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts = iter(self.streaming_content)  # type: ignore[arg-type]  # it was made from an iterator that is not async
        while part := await sync_to_async(lambda: next(parts, b""))():
            yield part


def response(events: QuerySet[Event], kind: str, *, bom: bool, spare: bool) -> ExportResponse:
    """`kind` is a key of `FORMATS`. `events` is not sorted yet. `spare`: retention is to leave them alone."""
    content_type, write = FORMATS[kind]
    parts = write(chunks(events, spare=spare))
    name = f"events-{timezone.localdate().isoformat()}.{kind}"
    return ExportResponse(
        _with_bom(parts) if bom and kind == "csv" else parts,
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"},
    )


def chunks(events: QuerySet[Event], *, spare: bool) -> Iterator[list[EventData]]:
    """All of `events`, newest first. With `spare`, what is given has been marked as exported."""
    events = events.order_by(*order(KEYSET))
    rows = events_data(events[:CHUNK])
    while rows:
        if spare:
            ids = [row["id"] for row in rows]
            Event.objects.filter(pk__in=ids, exported_at=None).update(exported_at=timezone.now())
        yield rows
        last = rows[-1]
        rows = events_data(events.filter(beyond(KEYSET, last["started_at"], last["id"]))[:CHUNK])


def _with_bom(parts: Iterable[bytes]) -> Iterator[bytes]:
    yield BOM.encode()
    yield from parts


def _csv(of: Chunks) -> Iterator[bytes]:
    yield _lines([COLUMNS])
    for rows in of:
        yield _lines([cell(value) for value in row.values()] for row in rows)


def _lines(rows: Iterable[Iterable[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def cell(value: Any) -> Any:
    """What stands in a cell of a spreadsheet. A text that would run as a formula gets a `'` before it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    if isinstance(value, str) and (value[:1] in ("\t", "\r", "\n") or value.lstrip()[:1] in FORMULA):
        return f"'{value}"
    return value


def _json(of: Chunks) -> Iterator[bytes]:
    before = b"["
    for rows in of:
        yield before + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
        before = b",\n"
    yield b"]\n" if before != b"[" else b"[]\n"


FORMATS: Mapping[str, tuple[str, Callable[[Chunks], Iterator[bytes]]]] = {
    "csv": ("text/csv; charset=utf-8", _csv),
    "json": ("application/json", _json),
}
