"""Group related detections into batches. A batch closes after its window, when idle, or when full.

Pictures that arrive long after they were taken (an offline camera, an unavailable detector) are grouped by capture
time, so that a backlog gives the events that happened. Every function here runs in the transaction of its caller and
returns the messages to publish.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from detection.models import Batch
from detection.serializers import BatchClosedData
from hsi import failpoints
from hsi.db import clock, sql
from hsi.logs import context
from hsi.metrics import histograms
from hsi.outbox import publish
from hsi.outbox.messages import CameraId, Message
from hsi.queues import ANALYSIS_QUEUE, FAST_PATH_QUEUE, get_queue
from hsi.times import iso

logger = logging.getLogger(__name__)

CLOSE_AT_ONCE = 100
SET_BACK_SECONDS = 60  # a due time this far in the future can only mean that the clock was set back


@dataclass(frozen=True, slots=True)
class Counted:
    """The detections of one upload that count.

    `times` (not empty) are their capture times, and `pictures` the numbers of pictures and frames that show a group of
    labels. Unless it `starts` a batch, an upload only extends an open one.
    """

    times: Sequence[datetime]
    pictures: Mapping[str, int]
    starts: bool = True
    is_sure: bool = False
    is_urgent: bool = False


def ask_open(camera_id: str, first: datetime, last: datetime) -> sql.Answer[Batch]:
    """Ask for, and lock, the open batches that detections taken from `first` to `last` may extend.

    The row of the camera is locked, so that no other upload of it opens a batch meanwhile.
    """
    idle = timedelta(seconds=settings.BATCH_IDLE_TIMEOUT_SECONDS)
    times = {"latest": last + idle, "earliest": first - idle}
    return sql.ask(
        Batch,
        "state='open' AND camera_id=%(camera)s"
        " AND (NOT is_backfill OR started_at<=%(latest)s AND ended_at>=%(earliest)s) ORDER BY started_at,id",
        {"camera": camera_id, **{name: sql.prepared(Batch, "started_at", at) for name, at in times.items()}},
        lock=True,
    )


def extend(
    camera_id: str, counted: Counted, open_batches: Sequence[Batch], now: datetime
) -> tuple[Batch | None, list[Message]]:
    """Put the detections of one upload into their batch, one of the `open_batches` or a new one.

    For a live batch with an urgent detection, also queue the fast path, which creates the event before the batch
    closes. Return the batch with its new counts, or None if there is none to extend, and the messages of batches that
    closed.
    """
    times = counted.times
    first, last = min(times), max(times)
    is_backfill = _is_backfill(first, now)
    batch = _find(open_batches, first, last, now)
    messages: list[Message] = []
    if batch is not None and not is_backfill and batch.due_at <= now:
        messages, batch = close(batch, now), None
    if batch is None and not counted.starts:
        return None, messages
    if batch is None:
        batch = Batch.objects.create(
            camera_id=camera_id, is_backfill=is_backfill, started_at=first, ended_at=last, opened_at=now, due_at=now
        )
    pictures = Counter(batch.pictures) + Counter(counted.pictures)
    tells_at_once = counted.is_urgent and not batch.is_backfill and not batch.is_fast_path
    grown = {
        "started_at": min(batch.started_at, first),
        "ended_at": max(batch.ended_at, last),
        "detection_count": batch.detection_count + len(times),
        "upload_count": batch.upload_count + 1,
        "pictures": dict(pictures),
        "is_sure": batch.is_sure or counted.is_sure or counted.is_urgent or max(pictures.values()) > 1,
        "due_at": _due(batch, now),
        "is_fast_path": batch.is_fast_path or tells_at_once,
    }
    sql.write(batch, grown)
    if tells_at_once:
        failpoints.reach_after_commit("fast-path-taken")
        get_queue(FAST_PATH_QUEUE).put(batch.pk)
    return batch, messages


def full_until(open_batches: Sequence[Batch], times: Sequence[datetime], now: datetime) -> datetime | None:
    """Return the end of the batch that detections at `times` would extend, if it has very many already.

    Such a batch takes one picture a second, so that a crowd or a fast camera does not make an event without bounds.
    """
    batch = _find(open_batches, min(times), max(times), now)
    is_full = batch is not None and batch.detection_count >= settings.BATCH_MAX_DETECTIONS
    return batch.ended_at if batch is not None and is_full else None


def _is_backfill(first: datetime, now: datetime) -> bool:
    return now - first > timedelta(seconds=settings.BACKFILL_AFTER_SECONDS)


def _find(batches: Sequence[Batch], first: datetime, last: datetime, now: datetime) -> Batch | None:
    find = _find_backfill if _is_backfill(first, now) else _find_live
    return find(batches, first, last)


def _find_live(batches: Sequence[Batch], first: datetime, last: datetime) -> Batch | None:
    return next((batch for batch in batches if not batch.is_backfill), None)


def _find_backfill(batches: Sequence[Batch], first: datetime, last: datetime) -> Batch | None:
    """Return the first backfill batch that is near in capture time and stays within the window."""
    idle = timedelta(seconds=settings.BATCH_IDLE_TIMEOUT_SECONDS)
    window = timedelta(seconds=settings.BATCH_WINDOW_SECONDS)
    for batch in batches:
        is_near = batch.started_at <= last + idle and batch.ended_at >= first - idle
        is_within = max(batch.ended_at, last) - min(batch.started_at, first) <= window
        if batch.is_backfill and is_near and is_within:
            return batch
    return None


def _due(batch: Batch, now: datetime) -> datetime:
    idle = now + timedelta(seconds=settings.BATCH_IDLE_TIMEOUT_SECONDS)
    if batch.is_backfill:  # its window is in capture time
        return idle
    return min(idle, batch.opened_at + timedelta(seconds=settings.BATCH_WINDOW_SECONDS))


def _closed(batch: Batch, seconds: float) -> None:
    histograms.stage("batch", seconds)
    with context.also(camera=batch.camera_id, batch=batch.pk):
        logger.info("Batch closed, detections: %s", batch.detection_count, extra={"duration_seconds": seconds})


def close(batch: Batch, now: datetime) -> list[Message]:
    """Close a batch and queue it for analysis. Return no messages if another process closed it first.

    A batch that is not sure ends here, without an event.
    """
    if not batch.is_sure:
        _end_unsure(batch, now)
        return []
    closed = Batch.objects.filter(pk=batch.pk, state=Batch.State.OPEN).update(state=Batch.State.CLOSED, closed_at=now)
    if not closed:
        return []
    batch.state, batch.closed_at = Batch.State.CLOSED, now
    transaction.on_commit(lambda: _closed(batch, (now - batch.opened_at).total_seconds()))
    failpoints.reach_after_commit("batch-closed")
    get_queue(ANALYSIS_QUEUE).put(batch.pk)
    data: BatchClosedData = {
        "id": batch.pk,
        "camera": batch.camera_id,
        "detection_count": batch.detection_count,
        "started_at": iso(batch.started_at),
        "ended_at": iso(batch.ended_at),
    }
    return [Message("batch.closed", CameraId(batch.camera_id), data)]


def _end_unsure(batch: Batch, now: datetime) -> None:
    values = {"state": Batch.State.UNSURE, "closed_at": now, "finished_at": now}
    if sql.update(batch, values, only_if="state='open'"):
        transaction.on_commit(lambda: _log_unsure(batch))


def _log_unsure(batch: Batch) -> None:
    with context.also(camera=batch.camera_id, batch=batch.pk):
        logger.info("Batch closed without an event: nothing is sure, and nothing is in two pictures")


def close_due(now: datetime | None = None) -> int:
    """Close every due batch in a separate transaction. Return their number."""
    now = now or clock.now()
    latest = now + timedelta(seconds=settings.BATCH_IDLE_TIMEOUT_SECONDS + SET_BACK_SECONDS)
    due = Q(due_at__lte=now) | Q(due_at__gt=latest)
    closed = 0
    for batch in Batch.objects.open().filter(due).order_by("due_at")[:CLOSE_AT_ONCE]:
        with transaction.atomic():
            # Read the batch again under the lock, because it may have been extended since.
            current = Batch.objects.open().select_for_update(no_key=True).filter(due, pk=batch.pk).first()
            messages = close(current, now) if current else []
            publish.publish(*messages)
        closed += len(messages)
    return closed


def seconds_to_next(now: datetime | None = None) -> float:
    """Return the seconds until a batch may be due. No batch becomes due before the idle time."""
    now = now or clock.now()
    longest = float(settings.BATCH_IDLE_TIMEOUT_SECONDS)
    due_at = Batch.objects.open().order_by("due_at").values_list("due_at", flat=True).first()
    return longest if due_at is None else max(0.0, min(longest, (due_at - now).total_seconds()))
