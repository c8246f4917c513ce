"""Old rows without files: messages of the stream, settled dead letters, kept answers, logs, figures, the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from hsi.api.idempotency import expired_before
from hsi.models import AuditEntry, DeadLetter, KeptAnswer, ProcessFigure, StageSample, StreamMessage, WorkerHeartbeat
from monitoring.metrics import counters
from monitoring.models import GpuSample, JobRun, LogEntry, StorageSample

CHUNK = 1000
STORAGE_SAMPLE_DAYS = 90


def forget(now: datetime) -> Iterator[int]:
    """Delete what is too old, a chunk a turn; each gives how many rows went."""
    counters.advance()  # what goes has been counted
    yield from _messages(now - timedelta(days=settings.STREAM_RETENTION_DAYS))
    for rows in _old(now):
        yield from _all(rows)


def _messages(before: datetime) -> Iterator[int]:
    """From the front only, so that no hole appears: a client that asks for less is told with `stream.gap`."""
    while rows := list(StreamMessage.objects.order_by("seq").values_list("seq", "time")[:CHUNK]):
        first_kept = next((seq for seq, time in rows if time >= before), rows[-1][0] + 1)
        gone, _ = StreamMessage.objects.filter(seq__lt=first_kept).delete()
        yield gone
        if first_kept <= rows[-1][0]:
            return


def _old(now: datetime) -> Iterator[QuerySet[Any]]:
    """Rows whose time is over, table by table."""

    def days(number: int) -> datetime:
        return now - timedelta(days=number)

    resolved = DeadLetter.objects.exclude(state=DeadLetter.State.OPEN)
    yield resolved.filter(resolved_at__lt=days(settings.DEAD_LETTER_RETENTION_DAYS))
    yield KeptAnswer.objects.filter(created_at__lt=expired_before(now))
    yield LogEntry.objects.filter(time__lt=days(settings.LOG_RETENTION_DAYS))
    yield AuditEntry.objects.filter(time__lt=days(settings.AUDIT_RETENTION_DAYS))
    yield JobRun.objects.filter(started_at__lt=days(settings.JOB_RETENTION_DAYS))
    yield WorkerHeartbeat.objects.filter(beat_at__lt=days(settings.JOB_RETENTION_DAYS))
    yield StageSample.objects.filter(minute__lt=days(settings.LATENCY_RETENTION_DAYS))
    yield ProcessFigure.objects.filter(at__lt=days(1))
    yield StorageSample.objects.filter(time__lt=days(STORAGE_SAMPLE_DAYS))
    yield GpuSample.objects.filter(time__lt=now - timedelta(minutes=settings.GPU_STATS_HISTORY_MINUTES))


def _all(rows: QuerySet[Any]) -> Iterator[int]:
    """Delete `rows`, a chunk a turn."""
    while ids := list(rows.order_by().values_list("pk", flat=True)[:CHUNK]):
        yield rows.model._default_manager.filter(pk__in=ids).delete()[0]
