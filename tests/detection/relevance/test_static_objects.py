from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cameras.models import Camera
from detection.detectors import Box, DetectedObject
from detection.models import Scene, StaticObject
from detection.relevance import static_objects
from detection.relevance.static_memory import Presence, StaticMemory
from detection.relevance.static_objects import StoredMemory
from hsi.db import sql
from hsi.db.row_retention import expired_rows
from hsi.models import AuditEntry
from tests import factories

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def cars(number: int) -> list[DetectedObject]:
    return [DetectedObject("car", 0.8, Box(0.02 + 0.019 * n, 0.5, 0.015, 0.1)) for n in range(number)]


def see(camera: Camera, found: Sequence[DetectedObject], seconds: float) -> list[Presence]:
    with transaction.atomic():
        sql.lock(Camera, camera.pk)
        return see_locked(camera, found, seconds)


def see_locked(camera: Camera, found: Sequence[DetectedObject], seconds: float) -> list[Presence]:
    stored = StoredMemory.ask(camera.pk)
    memory = stored.load()
    presences = memory.see(found, NOON + timedelta(seconds=seconds))
    stored.save(memory)
    return presences


def park(camera: Camera, number: int = 1, *, pictures: int = 12) -> None:
    for n in range(pictures):
        see(camera, cars(number), 40.0 * n)


def queries(camera: Camera, found: Sequence[DetectedObject], seconds: float) -> int:
    with CaptureQueriesContext(connection) as captured:
        see_locked(camera, found, seconds)
    return len(captured)


def test_what_is_learned_is_read_again_with_the_next_picture():
    camera = factories.camera()
    park(camera)
    assert see(camera, cars(1), 480) == [Presence.STATIC]
    one = StaticObject.objects.get()
    assert (one.label, one.label_group, one.sightings, one.appeared_at) == ("car", "vehicle", 13, None)
    assert (one.since, one.last_seen_at) == (NOON, NOON + timedelta(seconds=480))
    assert one.remembered_at == NOON + timedelta(seconds=360)
    assert Scene.objects.get().pictures == 13


def test_candidates_are_read_as_they_were_written():
    camera = factories.camera()
    at = datetime(2026, 3, 1, 12, 0, 0, 123457, tzinfo=UTC)
    seen = StaticMemory()
    seen.see(cars(2), at)
    seen.see([*cars(2), DetectedObject("person", 0.9, Box(1 / 3, 0.1, 0.05, 0.2))], at + timedelta(seconds=41))
    stored = StoredMemory.ask(camera.pk)
    assert stored.load().objects == []
    stored.save(seen)
    read = StoredMemory.ask(camera.pk).load()
    assert read.objects == seen.objects
    assert (read.pictures, read.last_picture_at) == (seen.pictures, seen.last_picture_at)


def test_cameras_have_memories_of_their_own():
    yard, street = factories.camera(), factories.camera()
    park(yard)
    see(street, [], 0)
    assert see(street, cars(1), 480) == [Presence.NEW]
    assert see(yard, cars(1), 480) == [Presence.STATIC]


def test_a_picture_takes_a_constant_number_of_queries():
    few, many = factories.camera(), factories.camera()
    park(few, 2)
    park(many, 40)
    assert queries(few, cars(2), 500) == queries(many, cars(40), 500) <= 4
    moved = [DetectedObject("person", 0.9, Box(0.1 * n, 0.1, 0.05, 0.2)) for n in range(9)]
    assert queries(few, cars(2) + moved[:1], 540) == queries(many, cars(40) + moved, 540) <= 4
    see(few, cars(2), 580), see(many, cars(40), 580)
    assert queries(few, cars(2) + moved[:1], 620) <= 4
    assert queries(many, cars(40) + moved, 620) <= 4


def test_a_picture_in_which_nothing_is_found_takes_three_queries():
    camera = factories.camera()
    park(camera, 3)
    assert queries(camera, [], 500) == 3


@pytest.mark.one_engine  # of PostgreSQL, the processor time is in another process
def test_a_picture_takes_less_than_a_millisecond_of_the_processor():
    camera = factories.camera()
    park(camera, 6, pictures=30)
    seconds = []
    for n in range(200):
        began = time.process_time()
        with transaction.atomic():
            stored = StoredMemory.ask(camera.pk)
            memory = stored.load()
            memory.see(cars(6), NOON + timedelta(seconds=2000 + n))
            stored.save(memory)
            seconds.append(time.process_time() - began)
    assert sorted(seconds)[len(seconds) // 4] < 0.001


def test_a_late_picture_writes_nothing():
    camera = factories.camera()
    park(camera)
    before = list(StaticObject.objects.values()), list(Scene.objects.values())
    assert see(camera, cars(1), 100) == [Presence.STATIC]
    assert (list(StaticObject.objects.values()), list(Scene.objects.values())) == before


def test_a_transaction_that_fails_teaches_nothing():
    camera = factories.camera()
    park(camera)
    before = list(StaticObject.objects.values()), list(Scene.objects.values())
    with transaction.atomic():
        stored = StoredMemory.ask(camera.pk)
        memory = stored.load()
        memory.see(cars(2), NOON + timedelta(seconds=900))
        stored.save(memory)
        transaction.set_rollback(True)
    assert (list(StaticObject.objects.values()), list(Scene.objects.values())) == before


@pytest.mark.django_db(transaction=True)
def test_pictures_of_a_camera_at_the_same_time_are_all_counted():
    camera, together = factories.camera(), threading.Barrier(4)

    def detect(n: int) -> None:
        together.wait(60)
        see(camera, cars(1), 0.0)
        see(camera, cars(1), 100.0 * (n + 1))
        connection.close()

    threads = [threading.Thread(target=detect, args=[n]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    scene = Scene.objects.get()
    (one,) = StoredMemory.ask(camera.pk).load().candidates
    assert scene.pictures == one.sightings == one.last_picture
    assert scene.last_picture_at == NOON + timedelta(seconds=400)


def test_the_memory_is_deleted_with_its_camera():
    camera = factories.camera()
    park(camera)
    camera.delete()
    assert not Scene.objects.exists()
    assert not StaticObject.objects.exists()


def test_housekeeping_expires_what_was_not_seen_for_a_day():
    camera = factories.camera()
    park(camera, 2)
    now = timezone.now()
    seen, unseen = StaticObject.objects.order_by("pk")
    StaticObject.objects.filter(pk=seen.pk).update(last_seen_at=now - timedelta(hours=23))
    StaticObject.objects.filter(pk=unseen.pk).update(last_seen_at=now - timedelta(hours=25))
    expired = [rows for rows in expired_rows(now) if rows.model is StaticObject]
    assert [list(rows) for rows in expired] == [[unseen]]


def test_what_is_forgotten_counts_again_and_is_audited():
    camera, other = factories.camera(), factories.camera()
    park(camera, 2)
    park(other)
    one = StaticObject.objects.filter(camera=camera).order_by("pk")[0]
    assert static_objects.forget(StaticObject.objects.filter(pk=one.pk), camera.pk) == 1
    assert static_objects.forget(StaticObject.objects.filter(pk=one.pk), camera.pk) == 0
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object) == ("static_object_forgotten", f"camera {camera.pk}")
    assert entry.before == {"label": "car", "box": [0.02, 0.5, 0.015, 0.1], "since": "2026-03-01T12:00:00Z"}
    assert see(camera, cars(2), 500) == [Presence.NEW, Presence.STATIC]
    assert static_objects.forget(StaticObject.objects.all(), other.pk) == 1
