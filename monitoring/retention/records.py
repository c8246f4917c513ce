"""Delete old rows without files: stream messages, dead letters, stored responses, logs, samples, audit entries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from hsi.db import row_retention
from hsi.models import StreamMessage
from monitoring.metrics import counters

CHUNK = 1000


def forget(now: datetime) -> Iterator[int]:
    """Delete expired rows in chunks, and yield the number of each chunk."""
    counters.advance()  # messages must be counted before they are deleted
    yield from _messages(now - timedelta(days=settings.STREAM_RETENTION_DAYS))
    for rows in row_retention.expired_rows(now):
        yield from _all(rows)


def _messages(before: datetime) -> Iterator[int]:
    """Delete from the oldest on, without gaps. Clients that ask for deleted messages get `stream.gap`."""
    while rows := list(StreamMessage.objects.order_by("seq").values_list("seq", "created_at")[:CHUNK]):
        first_kept = next((seq for seq, time in rows if time >= before), rows[-1][0] + 1)
        gone, _ = StreamMessage.objects.filter(seq__lt=first_kept).delete()
        yield gone
        if first_kept <= rows[-1][0]:
            return


def _all(rows: QuerySet[Any]) -> Iterator[int]:
    """Delete `rows` in chunks."""
    while ids := list(rows.order_by().values_list("pk", flat=True)[:CHUNK]):
        yield rows.model._default_manager.filter(pk__in=ids).delete()[0]
