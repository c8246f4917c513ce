"""A camera that is silent for too long is told once, and once when it is back, whatever the clock does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cameras import offline
from cameras.files.tree import Tree
from cameras.intake.accept import accept_file
from cameras.models import Camera, Upload
from cameras.offline import GRACE_SECONDS, OfflineMonitor
from cameras.services import update_camera
from hsi.db import clock
from hsi.models import StreamMessage, WorkerHeartbeat
from monitoring.housekeeping import Housekeeper
from tests import factories, pictures

pytestmark = pytest.mark.django_db

INTERVAL = 3600
START = 1_000_000.0  # of a monotonic clock


@pytest.fixture(autouse=True)
def watcher(settings: Any) -> WorkerHeartbeat:
    settings.DISK_FREE_FLOOR_BYTES = settings.DISK_FREE_FLOOR_PERCENT = 0
    now = clock.now()
    return WorkerHeartbeat.objects.create(
        name="watcher@house:7", kind="watcher", host="house", pid=7, started_at=now, beat_at=now, progressed_at=now
    )


@pytest.fixture
def door() -> Camera:
    return factories.camera("door", expected_interval_seconds=INTERVAL)


def sent(camera: Camera, **values: Any) -> Upload:
    return factories.upload(camera, **{"received_at": timezone.now(), **values})


def told() -> list[tuple[str, str]]:
    """(camera, status) of every message."""
    rows = StreamMessage.objects.filter(type="camera.status").order_by("seq").values_list("camera", "data")
    return [(camera, data["status"]) for camera, data in rows]


def test_going_offline_and_coming_back_are_each_published_once(door: Camera):
    last = sent(door)
    listener = OfflineMonitor()
    for after in (0, INTERVAL - 1):
        listener.check(START + after)
    assert told() == []
    for after in (INTERVAL, INTERVAL + 15, 9 * INTERVAL):
        listener.check(START + after)
    assert told() == [("door", "offline")]
    door.refresh_from_db()
    assert door.offline_since == last.received_at
    data = StreamMessage.objects.get().data
    assert (data["last_upload"], data["snapshot_url"]) == (last.pk, "/api/cameras/door/snapshot")

    sent(door, state=Upload.State.REJECTED)  # also a file that cannot be used is a sign of life
    for after in (9 * INTERVAL + 15, 9 * INTERVAL + 30):
        listener.check(START + after)
    assert told() == [("door", "offline"), ("door", "online")]
    assert not Camera.objects.exclude(offline_since=None).exists()
    listener.check(START + 11 * INTERVAL)
    assert told()[2:] == [("door", "offline")]


def test_the_picture_that_ends_an_offline_time_publishes_it(door: Camera, data_dir: Any):
    listener = OfflineMonitor()
    sent(door)
    listener.check(START)
    listener.check(START + INTERVAL)
    pictures.put(data_dir / "cameras/door/one.jpg", pictures.jpeg())
    pictures.put(data_dir / "cameras/door/two.jpg", pictures.jpeg(colour=pictures.RED))
    for name in ("one", "two"):
        accept_file(Tree(data_dir / "cameras"), f"door/{name}.jpg", final=True)
    listener.check(START + INTERVAL + 15)
    assert told() == [("door", "offline"), ("door", "online"), ("door", "online")]
    since = [message.data["offline_since"] for message in StreamMessage.objects.order_by("seq")]
    assert since[0] == since[1] is not None
    assert since[2] is None


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_jumps_neither_marks_a_camera_offline_nor_prevents_it(
    door: Camera, monkeypatch: pytest.MonkeyPatch, hours: int, watcher: WorkerHeartbeat
):
    sent(door)
    listener = OfflineMonitor()
    listener.check(START)
    jumped = clock.now() + timedelta(hours=hours)
    monkeypatch.setattr(clock, "now", lambda: jumped)
    WorkerHeartbeat.objects.filter(pk=watcher.pk).update(beat_at=jumped)
    listener.check(START + INTERVAL - 1)
    assert told() == []
    listener.check(START + INTERVAL)
    assert told() == [("door", "offline")]


def test_after_a_start_earlier_files_have_time_to_be_accepted(door: Camera):
    sent(door, received_at=timezone.now() - timedelta(days=2))
    listener = OfflineMonitor()
    listener.check(START)
    listener.check(START + GRACE_SECONDS - 1)
    assert told() == []
    listener.check(START + GRACE_SECONDS)
    assert told() == [("door", "offline")]


def test_a_restart_publishes_nothing_twice_and_sees_that_a_camera_is_back(door: Camera):
    last = sent(door, received_at=timezone.now() - timedelta(days=2))
    Camera.objects.update(offline_since=last.received_at)
    OfflineMonitor().check(START)
    assert told() == []
    assert Camera.objects.get().offline_since == last.received_at
    sent(door)
    OfflineMonitor().check(START)
    assert told() == [("door", "online")]


def test_a_camera_that_never_sent_a_picture_is_offline_since_its_creation(door: Camera):
    listener = OfflineMonitor()
    listener.check(START)
    listener.check(START + INTERVAL)
    assert told() == [("door", "offline")]
    assert Camera.objects.get().offline_since == door.created_at


def test_no_camera_is_offline_while_no_watcher_runs(door: Camera, watcher: WorkerHeartbeat):
    sent(door)
    listener = OfflineMonitor()
    listener.check(START)
    WorkerHeartbeat.objects.filter(pk=watcher.pk).update(beat_at=clock.now() - timedelta(minutes=5))
    listener.check(START + INTERVAL)
    assert told() == []
    WorkerHeartbeat.objects.filter(pk=watcher.pk).update(beat_at=clock.now())
    listener.check(START + INTERVAL + 15)
    assert told() == []


def test_no_camera_is_offline_while_intake_is_paused(door: Camera, settings: Any):
    listener = OfflineMonitor()
    listener.check(START)
    settings.DISK_FREE_FLOOR_PERCENT = 100
    assert offline.intake_is_stopped()
    listener.check(START + INTERVAL)
    assert told() == []


@pytest.mark.parametrize(
    ("values", "status"), [({"enabled": False}, "paused"), ({"expected_interval_seconds": None}, "unknown")]
)
def test_a_camera_without_expectation_is_not_offline(door: Camera, values: dict[str, Any], status: str):
    listener = OfflineMonitor()
    listener.check(START)
    listener.check(START + INTERVAL)
    update_camera(Camera.objects.get(), values)
    for after in (15, 30, 9 * INTERVAL):
        listener.check(START + INTERVAL + after)
    assert told() == [("door", "offline"), ("door", status)]


def test_a_camera_without_an_interval_is_never_offline(door: Camera):
    Camera.objects.update(expected_interval_seconds=None)
    listener = OfflineMonitor()
    listener.check(START)
    listener.check(START + 1000 * INTERVAL)
    assert told() == []


def test_a_picture_that_comes_at_the_same_moment_prevents_the_offline_status(door: Camera):
    first = sent(door)
    sent(door)
    offline.mark_offline(door, first.pk)
    assert told() == []
    assert Camera.objects.get().offline_since is None


def test_housekeeping_listens(door: Camera):
    Camera.objects.update(offline_since=timezone.now() - timedelta(days=1))
    sent(door)
    Housekeeper().step()
    assert told() == [("door", "online")]
