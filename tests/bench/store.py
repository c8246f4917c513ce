"""Storing what a detector found, in the pipeline's own transaction, against COPY of the same rows.

Ours is all that a picture writes: detections, its upload, its batch, the message and the
acknowledgement. The bare thing is a transaction with the detections and nothing else.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice

import psycopg

from cameras.models import Upload
from detection.detectors import Box, DetectedObject
from detection.models import Batch, Detection
from detection.pipeline import store
from detection.relevance.decision import Frame, Rules
from hsi.queues import DETECTION_QUEUE, get_queue
from tests.bench import backlog
from tests.bench.figure import Figure, compared

RULES = Rules(labels=frozenset({"person"}))
ROUNDS = 9
SIZES = {10: 60, 500: 6}  # detections a picture: pictures a round
COLUMNS = "upload_id,batch_id,camera_id,ordinal,label,confidence,x,y,width,height,captured_at,zones,ignored"


def figures() -> Iterator[Figure]:
    """Rows a second for pictures with few and with very many detections."""
    with bare_connection() as raw:
        for size, pictures in SIZES.items():
            yield figure(raw, size, pictures)


def figure(raw: psycopg.Connection, size: int, pictures: int) -> Figure:
    still = backlog.picture((64, 36))
    uploads = iter(backlog.waiting_uploads(pictures * (2 * ROUNDS + 1), [still], until=datetime.now(UTC)))
    stored(list(islice(uploads, pictures)), size)  # prepares statements, loads what is loaded late
    batch = Batch.objects.order_by("pk")[0].pk
    return compared(
        f"storing detections, {size} a picture", "rows/s",
        lambda: pictures * size / stored(list(islice(uploads, pictures)), size),
        lambda: pictures * size / copied(raw, batch, list(islice(uploads, pictures)), size),
        rounds=ROUNDS, at_least=0.3,
    )  # fmt: skip


def stored(ids: list[int], size: int) -> float:
    """Seconds in which the pipeline stores `size` detections for each of these uploads."""
    backlog.queue(ids)
    jobs = get_queue(DETECTION_QUEUE).take(len(ids), wait_seconds=0, lease_seconds=600)
    uploads = Upload.objects.select_related("camera").in_bulk([job.row_id for job in jobs])
    # The people walk, so that they count.
    frames = [[Frame([found(number, step % 7) for number in range(size)])] for step in range(len(jobs))]
    began = time.perf_counter()
    for job, of_one in zip(jobs, frames, strict=True):
        store(job, uploads[job.row_id], of_one, RULES, zones=[])
    seconds = time.perf_counter() - began
    assert Detection.objects.filter(upload__in=ids).count() == len(ids) * size
    return seconds


def copied(raw: psycopg.Connection, batch: int, ids: list[int], size: int) -> float:
    """Seconds in which COPY does, a transaction an upload."""
    cameras = dict(Upload.objects.filter(pk__in=ids).values_list("pk", "camera_id"))
    now, sightings = datetime.now(UTC), [found(number) for number in range(size)]
    began = time.perf_counter()
    for upload in ids:
        with raw.cursor() as cursor, cursor.copy(f"COPY detection_detection ({COLUMNS}) FROM STDIN") as copy:
            for ordinal, one in enumerate(sightings):
                box = one.box
                copy.write_row(
                    (upload, batch, cameras[upload], ordinal, one.label, one.confidence, box.x, box.y, box.width,
                     box.height, now, "[]", "")
                )  # fmt: skip
    return time.perf_counter() - began


def found(number: int, step: int = 0) -> DetectedObject:
    return DetectedObject("person", 0.7, Box(0.1 + number / 1000, 0.07 * step, 0.3, 0.5))


@contextmanager
def bare_connection() -> Iterator[psycopg.Connection]:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as raw:
        yield raw
