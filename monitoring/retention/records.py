"""Old rows without files: messages of the stream, dead letters that were dealt with, kept answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings

from hsi.idempotency import expired_before
from hsi.models import DeadLetter, KeptAnswer, StreamMessage

CHUNK = 1000


def forget(now: datetime) -> Iterator[int]:
    """Delete what is too old, a chunk a turn; each gives how many rows went."""
    yield from _messages(now - timedelta(days=settings.STREAM_RETENTION_DAYS))
    yield from _dead_letters(now - timedelta(days=settings.DEAD_LETTER_RETENTION_DAYS))
    yield from _kept_answers(expired_before(now))


def _messages(before: datetime) -> Iterator[int]:
    """From the front only, so that no hole appears: a client that asks for less is told with `stream.gap`."""
    while rows := list(StreamMessage.objects.order_by("seq").values_list("seq", "time")[:CHUNK]):
        first_kept = next((seq for seq, time in rows if time >= before), rows[-1][0] + 1)
        gone, _ = StreamMessage.objects.filter(seq__lt=first_kept).delete()
        yield gone
        if first_kept <= rows[-1][0]:
            return


def _dead_letters(before: datetime) -> Iterator[int]:
    resolved = DeadLetter.objects.exclude(state=DeadLetter.State.OPEN).filter(resolved_at__lt=before).order_by("pk")
    while ids := list(resolved.values_list("pk", flat=True)[:CHUNK]):
        DeadLetter.objects.filter(pk__in=ids).delete()
        yield len(ids)


def _kept_answers(before: datetime) -> Iterator[int]:
    old = KeptAnswer.objects.filter(created_at__lt=before).order_by("created_at")
    while ids := list(old.values_list("pk", flat=True)[:CHUNK]):
        KeptAnswer.objects.filter(pk__in=ids).delete()
        yield len(ids)
