"""Which pictures start and extend an event, from stored detections to batches."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from cameras.models import Camera, Upload, Zone
from detection import batching
from detection.detectors import Box, DetectedObject
from detection.models import Batch, Detection, Scene, StaticObject
from detection.pipeline import store
from detection.relevance.decision import Frame
from detection.relevance.rules import enabled_zones, rules_of
from hsi.db import clock
from hsi.models import QueueJob, StreamMessage
from hsi.queues import DETECTION_QUEUE, get_queue
from tests import factories

pytestmark = pytest.mark.django_db

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def thing(label: str, x: float = 0.4, confidence: float = 0.8) -> DetectedObject:
    return DetectedObject(label, confidence, Box(x, 0.3, 0.1, 0.3))


PERSON, CAR, CHAIR = thing("person", 0.7), thing("car", 0.2), thing("chair", 0.5)


class Site:
    """Cameras whose pictures arrive when they are taken."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = START
        monkeypatch.setattr(clock, "now", lambda: self.now)

    def shows(
        self, camera: Camera, *found: DetectedObject, after: float = 40.0, late: float = 0.0, name: str = ""
    ) -> Upload:
        return self.stores(camera, [Frame(found)], after=after, late=late, name=name)

    def stores(
        self, camera: Camera, frames: Sequence[Frame], *, after: float = 40.0, late: float = 0.0, name: str = ""
    ) -> Upload:
        """Store an upload that was taken `after` seconds and arrives `late`."""
        self.now += timedelta(seconds=after)
        batching.close_due(self.now)
        captured_at = self.now - timedelta(seconds=late)
        path = {"path": f"{camera.folder}/{name}_{captured_at:%Y%m%d_%H%M%S}.jpg"} if name else {}
        upload = factories.upload(camera, state=Upload.State.WAITING, captured_at=captured_at, **path)
        queue = get_queue(DETECTION_QUEUE)
        queue.put(upload.pk)
        (job,) = queue.take(1, wait_seconds=0, lease_seconds=60)
        zones = enabled_zones(camera.pk)
        assert store(job, upload, list(frames), rules_of(camera.pk, zones), zones)
        return upload

    def closed(self) -> list[str]:
        """Close everything. Return the states of all batches: those that are closed become events."""
        self.now += timedelta(hours=1)
        batching.close_due(self.now)
        return list(Batch.objects.order_by("pk").values_list("state", flat=True))


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, data_dir: object) -> Site:
    return Site(monkeypatch)


def reasons(upload: Upload) -> list[str]:
    return list(Detection.objects.filter(upload=upload).order_by("ordinal").values_list("ignored", flat=True))


def test_a_label_that_does_not_count_is_stored_and_starts_no_batch(site: Site):
    upload = site.shows(factories.camera(), CHAIR)
    detection = Detection.objects.get()
    assert (detection.ignored, detection.batch, detection.upload) == ("label", None, upload)
    upload.refresh_from_db()
    assert upload.state == Upload.State.DETECTED
    assert not Batch.objects.exists()
    assert not StreamMessage.objects.filter(type="detection.created").exists()


def test_a_batch_holds_what_counts_of_a_picture(site: Site):
    upload = site.shows(factories.camera(), CHAIR, PERSON)
    batch = Batch.objects.get()
    assert reasons(upload) == ["label", ""]
    assert (batch.detection_count, list(batch.detections.values_list("label", flat=True))) == (1, ["person"])
    data = StreamMessage.objects.get(type="detection.created").data
    assert (data["labels"], data["count"]) == (["person"], 1)


def test_what_does_not_count_does_not_extend_a_batch(site: Site):
    camera = factories.camera()
    site.shows(camera, PERSON)
    before = Batch.objects.values().get()
    site.shows(camera, CHAIR, after=10)
    assert Batch.objects.values().get() == before


def test_the_values_of_a_camera_come_before_those_of_the_site(site: Site, settings):
    settings.DETECTION_THRESHOLDS = ["person=0.9", "car=0.9"]
    settings.DETECTION_MIN_SIZES = ["chair=0.5"]
    camera = factories.camera(labels=["chair", "person", "car"], thresholds={"person": 0.7}, min_sizes={"chair": 0.01})
    assert reasons(site.shows(camera, PERSON, CAR, CHAIR)) == ["", "confidence", ""]
    assert reasons(site.shows(factories.camera(), PERSON, CAR, CHAIR)) == ["confidence", "confidence", "label"]
    settings.DETECTION_MAX_SIZES = ["person=0.02"]
    assert reasons(site.shows(camera, PERSON)) == ["size"]


def test_an_ignored_zone_hides_what_stands_in_it_and_the_detection_names_it(site: Site):
    camera = factories.camera()
    mask = factories.zone(camera, kind=Zone.Kind.IGNORE, labels=["vehicle"])
    site.shows(camera)
    assert reasons(site.shows(camera, PERSON, CAR)) == ["", "zone"]
    assert Detection.objects.get(label="car").zones == [mask.pk]
    Zone.objects.update(enabled=False)
    assert reasons(site.shows(camera, PERSON, CAR)) == ["", ""]
    Zone.objects.update(enabled=True, kind=Zone.Kind.STREET)
    assert reasons(site.shows(camera, PERSON, CAR)) == ["", ""]


def test_a_yard_with_parked_cars_makes_no_event_in_half_an_hour(site: Site):
    camera, jitter = factories.camera(), random.Random(3)
    for _ in range(45):
        cars = [DetectedObject("car", 0.8, Box(x + jitter.uniform(-0.005, 0.005), 0.4, 0.15, 0.2)) for x in (0.1, 0.5)]
        site.shows(camera, *cars)
    assert not Batch.objects.exists()
    assert Detection.objects.count() == 90
    assert StaticObject.objects.count() == 2


def test_a_car_that_comes_and_parks_makes_events_for_a_minute(site: Site):
    camera = factories.camera()
    site.shows(camera)
    for _ in range(45):
        site.shows(camera, CAR)
    assert site.closed() == [Batch.State.CLOSED] * 2


def test_a_person_in_a_yard_with_parked_cars_makes_an_event_without_the_cars(site: Site):
    camera = factories.camera()
    for _ in range(12):
        site.shows(camera, CAR)
    site.shows(camera, CAR, PERSON)
    assert Batch.objects.get().detection_count == 1
    assert reasons(site.shows(camera, CAR, PERSON, after=10)) == ["static", ""]


def test_a_car_that_is_just_there_extends_what_a_person_started(site: Site):
    camera = factories.camera()
    upload = site.shows(camera, CAR)
    assert reasons(upload) == ["unchanged"]
    upload = site.shows(camera, CAR, PERSON)
    assert reasons(upload) == ["", ""]
    assert Batch.objects.get().detection_count == 2


def test_a_picture_by_the_timer_starts_nothing_with_what_was_there(site: Site):
    camera = factories.camera()
    site.shows(camera, name="MDAlarm")
    assert reasons(site.shows(camera, PERSON, name="MDAlarm")) == [""]
    assert reasons(site.shows(camera, PERSON, name="Schedule")) == ["unchanged"]
    assert reasons(site.shows(camera, PERSON, name="MDAlarm")) == [""]
    assert reasons(site.shows(camera, PERSON, name="Schedule", after=10)) == [""]  # the batch is open
    assert reasons(site.shows(camera, PERSON, CAR, name="Schedule")) == ["", ""]  # the car came
    assert Batch.objects.count() == 3


def test_the_names_of_a_channel_of_a_recorder_are_read_too(site: Site):
    camera = factories.camera("nvr-1", folder="nvr/1")
    site.shows(camera, name="a")
    site.shows(camera, PERSON, name="MDAlarm")
    assert reasons(site.shows(camera, PERSON, name="Schedule")) == ["unchanged"]


@pytest.mark.parametrize(
    ("confidences", "state"),
    [([0.6], "closed"), ([0.59], "unsure"), ([0.5, 0.5], "closed"), ([], "unsure")],
)
def test_an_event_needs_one_sure_detection_or_two_in_different_pictures(
    site: Site, confidences: list[float], state: str
):
    camera = factories.camera()
    if not confidences:  # two in one picture
        site.shows(camera, thing("person", 0.1, 0.5), thing("person", 0.7, 0.5))
    for n, confidence in enumerate(confidences):
        site.shows(camera, thing("person", 0.1 + 0.3 * n, confidence), after=10)
    assert site.closed() == [state]
    assert QueueJob.objects.filter(queue="analysis_queue").exists() is (state == "closed")
    assert StreamMessage.objects.filter(type="batch.closed").exists() is (state == "closed")


def test_two_unsure_detections_of_different_groups_do_not_confirm_each_other(site: Site):
    camera = factories.camera()
    site.shows(camera, thing("person", 0.1, 0.5))
    site.shows(camera, thing("dog", 0.7, 0.5), after=10)
    assert site.closed() == [Batch.State.UNSURE]


def test_two_frames_of_a_clip_are_different_pictures(site: Site):
    unsure = thing("person", 0.1, 0.5)
    site.stores(factories.camera(), [Frame([unsure], 0.0), Frame([], 2.0), Frame([unsure], 4.0)])
    assert site.closed() == [Batch.State.CLOSED]


def test_what_takes_the_fast_path_is_sure(site: Site, settings):
    settings.FAST_PATH_CONFIDENCE_THRESHOLD = 0.4
    site.shows(factories.camera(), thing("person", 0.1, 0.5))
    assert Batch.objects.get().is_sure
    assert QueueJob.objects.filter(queue="fast_path_queue").exists()


def test_an_unsure_batch_is_finished(site: Site):
    site.shows(factories.camera(), thing("person", 0.1, 0.5))
    site.closed()
    batch = Batch.objects.get()
    assert batch.closed_at == batch.finished_at == site.now


def test_late_pictures_of_a_parked_car_make_no_event_and_leave_the_memory_alone(site: Site):
    camera = factories.camera()
    for _ in range(20):
        site.shows(camera, CAR)
    before = list(StaticObject.objects.values()), list(Scene.objects.values())
    upload = site.shows(camera, CAR, late=400)
    assert reasons(upload) == ["static"]
    assert (list(StaticObject.objects.values()), list(Scene.objects.values())) == before
    assert reasons(site.shows(camera, PERSON, late=400)) == [""]
    assert Batch.objects.get().is_backfill


def test_an_upload_that_is_finished_already_teaches_nothing(site: Site):
    camera = factories.camera()
    upload = site.shows(camera, CAR)
    before = list(StaticObject.objects.values()), list(Scene.objects.values())
    queue = get_queue(DETECTION_QUEUE)
    queue.put(upload.pk)
    (job,) = queue.take(1, wait_seconds=0, lease_seconds=60)
    assert not store(job, upload, [Frame([CAR])], rules_of(camera.pk, []), [])
    assert (list(StaticObject.objects.values()), list(Scene.objects.values())) == before
