"""What a picture costs with 1,000,000 detections stored, against an empty database of the same engine."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.backends.postgresql.base import DatabaseWrapper as PostgreSQL
from django.test import override_settings

from cameras.files.tree import Tree
from cameras.intake.accept import IntakeResult, accept_file
from cameras.models import Upload
from detection.models import Detection
from detection.pipeline import detect_upload
from events.models import Event
from hsi.queues import DETECTION_QUEUE, get_queue
from tests.bench import backlog
from tests.bench.figure import Figure, compared
from tests.bench.month import BATCHES, CAMERAS, DETECTIONS, fill

PICTURES, WARM_UP, ROUNDS = 40, 15, 11
SIZE = (320, 180)

_numbers = itertools.count()


def figures() -> Iterator[Figure]:
    """Milliseconds from a file that is complete to its stored detections."""
    empty, still = str(connection.settings_dict["NAME"]), backlog.picture(SIZE)
    with another_database(empty) as full, override_settings(DETECTOR="tests.bench.instant.Instant"):
        use(full)
        call_command("migrate", verbosity=0)
        fill()
        assert (Detection.objects.count(), Event.objects.count()) == (DETECTIONS, BATCHES)
        yield compared(
            f"a picture with {DETECTIONS} detections stored, on {connection.vendor}", "ms",
            lambda: milliseconds(full, still), lambda: milliseconds(empty, still),
            rounds=ROUNDS, at_most=1.2,
        )  # fmt: skip


def milliseconds(database: str, still: bytes) -> float:
    use(database)
    for _ in range(WARM_UP):
        one_picture(still)
    began = time.perf_counter()
    for _ in range(PICTURES):
        one_picture(still)
    return (time.perf_counter() - began) * 1000 / PICTURES


def one_picture(still: bytes) -> None:
    """Written, taken in, detected, stored."""
    number = next(_numbers)
    path = f"camera{number % CAMERAS}/picture{number:06}.jpg"
    (settings.CAMERA_ROOT / path).parent.mkdir(exist_ok=True)
    (settings.CAMERA_ROOT / path).write_bytes(still + number.to_bytes(4, "big"))
    outcome = accept_file(Tree(settings.CAMERA_ROOT), path, final=True)
    assert outcome is IntakeResult.ACCEPTED
    (job,) = get_queue(DETECTION_QUEUE).take(1, wait_seconds=0, lease_seconds=60)
    detect_upload(job)
    assert Upload.objects.get(pk=job.row_id).state == Upload.State.DETECTED


def use(database: str) -> None:
    """Let the default connection lead to that database."""
    connection.close()
    if isinstance(connection, PostgreSQL):
        connection.close_pool()
    connection.settings_dict["NAME"] = database


@contextmanager
def another_database(name: str) -> Iterator[str]:
    """The name of a database beside that one, on the same engine."""
    if connection.vendor == "sqlite":
        yield f"{name}.full"  # in the folder of this run
        return
    other = f"{name}_full"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {other}")
    try:
        yield other
    finally:
        use(name)
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {other} WITH (FORCE)")
