from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from cameras.models import Camera
from detection import batching
from detection.batching import Counted
from detection.models import Batch
from hsi.db import sql
from hsi.models import QueueJob, StreamMessage
from tests import factories

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def add(camera, seconds: float, *, count: int = 1, taken: float | None = None, urgent: bool = False) -> Batch:
    with transaction.atomic():
        sql.lock(Camera, camera.pk)
        captured = at(seconds if taken is None else taken)
        counted = Counted([captured] * count, {"person": 1}, is_sure=True, is_urgent=urgent)
        open_batches = batching.ask_open(camera.pk, captured, captured).rows()
        batch, _ = batching.extend(camera.pk, counted, open_batches, at(seconds))
    assert batch
    return batch


def queued(name: str = "analysis_queue") -> list[int]:
    return list(QueueJob.objects.filter(queue=name).values_list("row_id", flat=True))


def test_detections_of_one_camera_near_in_time_share_a_batch():
    camera = factories.camera()
    first, second = add(camera, 0), add(camera, 10, count=2)
    assert first.pk == second.pk
    second.refresh_from_db()
    assert (second.detection_count, second.upload_count) == (3, 2)
    assert (second.started_at, second.ended_at) == (at(0), at(10))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("taken", [0.0, -7200.0])
def test_uploads_that_come_at_once_open_one_batch(taken):
    camera, together = factories.camera(), threading.Barrier(4)

    def upload() -> None:
        together.wait(60)
        add(camera, 0, taken=taken)
        connection.close()

    threads = [threading.Thread(target=upload) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [batch.upload_count for batch in Batch.objects.all()] == [4]


def test_cameras_do_not_share_batches():
    assert add(factories.camera(), 0).pk != add(factories.camera(), 0).pk


def test_a_batch_is_due_after_the_idle_time_and_no_later_than_its_window(settings):
    camera = factories.camera()
    assert add(camera, 0).due_at == at(settings.BATCH_IDLE_TIMEOUT_SECONDS)
    add(camera, 25)
    add(camera, 50)
    assert add(camera, 75).due_at == at(settings.BATCH_WINDOW_SECONDS)


def test_due_batches_close_once_and_are_queued():
    batch = add(factories.camera(), 0)
    assert batching.close_due(at(29)) == 0
    assert batching.close_due(at(30)) == 1
    assert batching.close_due(at(31)) == 0
    batch.refresh_from_db()
    assert batch.state == Batch.State.CLOSED
    assert queued() == [batch.pk]
    assert list(StreamMessage.objects.values_list("type", flat=True)) == ["batch.closed"]


def test_a_batch_is_closed_when_the_clock_was_set_back_by_an_hour():
    batch = add(factories.camera(), 3600)
    assert batching.close_due(at(3600 - 60)) == 0  # as far apart as clocks may be
    assert batching.close_due(at(0)) == 1
    assert queued() == [batch.pk]


def test_an_overdue_batch_closes_when_the_next_picture_comes_even_without_a_closer():
    camera = factories.camera()
    first, second = add(camera, 0), add(camera, 31)
    first.refresh_from_db()
    assert (first.state, second.state) == (Batch.State.CLOSED, Batch.State.OPEN)
    assert queued() == [first.pk]


def test_a_full_batch_stays_open_and_is_full_from_its_last_detection_on(settings):
    settings.BATCH_MAX_DETECTIONS = 5
    camera = factories.camera()
    batch = add(camera, 0, count=4)
    assert batching.full_until([batch], [at(1)], at(1)) is None
    batch = add(camera, 1, count=1)
    assert (batch.state, queued()) == (Batch.State.OPEN, [])
    assert batching.full_until([batch], [at(2)], at(2)) == batch.ended_at


def test_the_database_allows_one_open_batch_a_camera():
    camera = factories.camera()
    add(camera, 0)
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.batch(camera, state=Batch.State.OPEN)


def test_late_pictures_are_grouped_by_when_they_were_taken():
    camera = factories.camera()
    hour = 3600.0
    first = add(camera, 0, taken=-3 * hour)
    again = add(camera, 1, taken=-3 * hour + 20)
    other = add(camera, 2, taken=-2 * hour)
    live = add(camera, 3)
    assert first.pk == again.pk
    assert len({first.pk, other.pk, live.pk}) == 3
    assert [first.is_backfill, other.is_backfill, live.is_backfill] == [True, True, False]


def test_a_backlog_that_comes_out_of_order_becomes_the_events_that_happened():
    camera = factories.camera()
    visits = [-7200.0, -7190.0, -7180.0, -3600.0, -3595.0]
    batches = [add(camera, number, taken=taken).pk for number, taken in enumerate(reversed(visits))]
    assert len(set(batches)) == 2


def test_a_backfill_batch_stays_within_the_window_in_capture_time(settings):
    camera = factories.camera()
    batches = {add(camera, number, taken=-9000.0 + 20 * number).pk for number in range(10)}
    assert len(batches) == 2
    for batch in Batch.objects.all():
        assert batch.ended_at - batch.started_at <= timedelta(seconds=settings.BATCH_WINDOW_SECONDS)


def test_the_fast_path_is_taken_once_a_batch():
    camera = factories.camera()
    add(camera, 0)
    assert queued("fast_path_queue") == []
    batch = add(camera, 1, urgent=True)
    assert queued("fast_path_queue") == [batch.pk]
    QueueJob.objects.filter(queue="fast_path_queue").delete()
    assert add(camera, 2, urgent=True).is_fast_path
    assert queued("fast_path_queue") == []


def test_what_is_late_takes_no_fast_path():
    assert not add(factories.camera(), 0, taken=-3600, urgent=True).is_fast_path
    assert queued("fast_path_queue") == []


def test_the_closer_sleeps_until_a_batch_may_be_due(settings):
    assert batching.seconds_to_next(at(0)) == settings.BATCH_IDLE_TIMEOUT_SECONDS
    add(factories.camera(), 0)
    assert batching.seconds_to_next(at(10)) == 20
    assert batching.seconds_to_next(at(100)) == 0
