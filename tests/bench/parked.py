"""An hour of eight cameras with parked cars: the rows that a picture leaves, and the events of cars that never move."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from django.apps import apps
from django.conf import settings
from django.test import override_settings

from cameras.models import Upload
from detection import batching
from detection.detectors import Box, DetectedObject
from detection.models import Batch, Detection, StaticObject
from detection.pipeline import store
from detection.relevance.decision import Frame
from detection.relevance.rules import enabled_zones, rules_of
from events.loops import loops
from events.models import Event
from hsi.db import clock
from hsi.queues import DETECTION_QUEUE, get_queue
from tests.bench import backlog
from tests.bench.figure import Figure

APPS = frozenset({"hsi", "cameras", "detection", "events", "monitoring"})
CAMERAS, PICTURES, SECONDS_APART = 8, 90, 40  # pictures of each camera
CARS = (("car", Box(0.1, 0.5, 0.2, 0.2)), ("truck", Box(0.6, 0.4, 0.25, 0.3)))
# As a real detector does: a car is missed in some pictures, and its box trembles by a share of its size.
MISSED, TREMBLE = 0.1, 0.03
# One person walks past each camera, in this picture: the only events that the hour should have.
VISIT = 60


def figures() -> Iterator[Figure]:
    """Every picture is stored at the simulated time at which it was taken; then the events are judged by rules."""
    ended_at = datetime.now(UTC) - timedelta(minutes=5)
    before = rows()
    with override_settings(ANALYZER="rules"):
        ids = backlog.waiting_uploads(
            CAMERAS * PICTURES,
            [backlog.picture((64, 36))],
            until=ended_at,
            cameras=CAMERAS,
            seconds_apart=SECONDS_APART,
        )
        began = time.perf_counter()
        simulate(ids, ended_at)
        seconds = time.perf_counter() - began
        for loop in loops():
            loop.run(drain=True)
    pictures = len(ids)
    assert Detection.objects.filter(label="person").count() == CAMERAS
    name = f"an hour of {CAMERAS} cameras with parked cars"
    yield Figure(f"{name}, database rows a picture", (rows() - before) / pictures, "rows", at_most=4)
    yield Figure(f"{name}, events a picture", Event.objects.count() / pictures, "events", at_most=CAMERAS / pictures)
    yield Figure(f"{name}, remembered objects", StaticObject.objects.count(), "objects", at_most=CAMERAS * len(CARS))
    yield Figure(f"{name}, stored", pictures / seconds, "pictures/s")


def simulate(ids: list[int], ended_at: datetime) -> None:
    """Store the pictures in the order of their capture."""
    chance = random.Random(1)
    queue = get_queue(DETECTION_QUEUE)
    shown: dict[str, int] = {}
    for upload in Upload.objects.select_related("camera").filter(pk__in=ids).order_by("captured_at", "pk"):
        with patch.object(clock, "now", lambda at=upload.captured_at: at):
            batching.close_due(upload.captured_at)
            queue.put(upload.pk)
            (job,) = queue.take(1, wait_seconds=0, lease_seconds=600)
            number = shown[upload.camera_id] = shown.get(upload.camera_id, -1) + 1
            zones = enabled_zones(upload.camera_id)
            assert store(job, upload, [Frame(seen(chance, number))], rules_of(upload.camera_id, zones), zones)
    batching.close_due(ended_at + timedelta(seconds=settings.BATCH_WINDOW_SECONDS))
    assert not Batch.objects.open().exists()


def seen(chance: random.Random, number: int) -> list[DetectedObject]:
    """Return what a detector finds in the picture with this number."""
    found = [
        DetectedObject(label, chance.uniform(0.45, 0.9), trembling(chance, box))
        for label, box in CARS
        if number == 0 or chance.random() >= MISSED  # a car that is not in the first picture has arrived
    ]
    if number == VISIT:
        found.append(DetectedObject("person", 0.95, Box(0.4, 0.3, 0.08, 0.4)))
    return found


def trembling(chance: random.Random, box: Box) -> Box:
    across, down = (chance.uniform(-TREMBLE, TREMBLE) for _ in range(2))
    return Box(box.x + across * box.width, box.y + down * box.height, box.width, box.height)


def rows() -> int:
    """Return the rows of all tables of this project."""
    return sum(model._default_manager.count() for model in apps.get_models() if model.__module__.split(".")[0] in APPS)
