from __future__ import annotations

import pytest

from cameras.models import Upload
from detection.models import Batch
from hsi.models import QueueJob
from hsi.queues import DETECTION_QUEUE, get_queue
from monitoring.reconcile import reconcile
from tests import factories

pytestmark = pytest.mark.django_db


def test_rows_that_wait_without_a_job_are_queued_again_and_others_are_not():
    camera = factories.camera()
    waiting = factories.upload(camera, state=Upload.State.WAITING)
    factories.upload(camera, state=Upload.State.EMPTY)
    closed = factories.batch(camera, state=Batch.State.CLOSED)
    factories.batch(camera)
    urgent = factories.batch(camera, state=Batch.State.OPEN, is_fast_path=True)
    assert reconcile() == {"detection_queue": 1, "fast_path_queue": 1, "analysis_queue": 1}
    jobs = set(QueueJob.objects.values_list("queue", "row_id"))
    assert jobs == {("detection_queue", waiting.pk), ("fast_path_queue", urgent.pk), ("analysis_queue", closed.pk)}


def test_a_row_with_a_live_job_is_left_alone_also_in_hand():
    waiting = factories.upload(state=Upload.State.WAITING)
    get_queue(DETECTION_QUEUE).put(waiting.pk)
    get_queue(DETECTION_QUEUE).take(1, wait_seconds=0, lease_seconds=60)
    assert reconcile()["detection_queue"] == 0
    assert QueueJob.objects.count() == 1


def test_what_a_full_queue_refused_is_queued_when_there_is_room(settings):
    settings.QUEUE_MAX_SIZE = 2
    camera = factories.camera()
    rows = [factories.upload(camera, state=Upload.State.WAITING).pk for _ in range(5)]
    assert reconcile()["detection_queue"] == 2
    settings.QUEUE_MAX_SIZE = 100
    assert reconcile()["detection_queue"] == 3
    assert set(QueueJob.objects.values_list("row_id", flat=True)) == set(rows)


def test_large_backlogs_are_walked_in_chunks(monkeypatch):
    monkeypatch.setattr("monitoring.reconcile.CHUNK", 2)
    camera = factories.camera()
    for _ in range(5):
        factories.upload(camera, state=Upload.State.WAITING)
    assert reconcile()["detection_queue"] == 5
    assert reconcile()["detection_queue"] == 0
