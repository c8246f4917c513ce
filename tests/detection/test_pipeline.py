from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from PIL import Image

from cameras.files.tree import Tree
from cameras.intake.accept import accept_file
from cameras.media import decoder
from cameras.media.picture import Picture
from cameras.models import Upload
from detection.detectors import Box, DetectedObject, Detector
from detection.loops import loops
from detection.models import Batch, Detection
from hsi.errors import AIServiceError, AIServiceRejectedError, AIServiceUnavailableError
from hsi.models import DeadLetter, QueueJob, StreamMessage
from hsi.outbound.shared_breaker import get_breaker
from hsi.queues import DETECTION_QUEUE, get_queue
from tests import files

pytestmark = pytest.mark.django_db(transaction=True)

PERSON = DetectedObject("person", 0.8, Box(0.1, 0.1, 0.2, 0.5))


class Eye(Detector):
    """A detector that sees what the test tells it to."""

    name = "eye"
    sees: list[DetectedObject] | Exception
    looked_at: list[tuple[int, int]]

    def detect(self, picture: Picture) -> list[DetectedObject]:
        Eye.looked_at.append(picture.size)
        if isinstance(Eye.sees, Exception):
            raise Eye.sees
        return Eye.sees

    def check(self) -> str:
        return "well"

    def close(self) -> None: ...


@pytest.fixture(autouse=True)
def eye(settings, data_dir):
    settings.DETECTOR = f"{__name__}.Eye"
    Eye.sees, Eye.looked_at = [PERSON], []


def put(path: str, data: bytes, root: Path) -> Upload:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    accept_file(Tree(root), path, final=True)
    return Upload.objects.get(path=path)


@pytest.fixture
def root(data_dir: Path) -> Path:
    return data_dir / "cameras"


def detect() -> None:
    QueueJob.objects.update(due_at=0)
    worker, _closer = loops(concurrency=1)
    worker.run(once=True)


def test_what_was_seen_is_stored_with_its_upload_and_batch(root):
    upload = put("door/a.jpg", files.jpeg(), root)
    detect()
    upload.refresh_from_db()
    detection = Detection.objects.get()
    assert (upload.state, upload.detector, upload.attempts) == ("detected", "eye", 1)
    assert (detection.label, detection.camera_id, detection.frame_offset) == ("person", "door", None)
    assert detection.captured_at == upload.captured_at
    assert Batch.objects.get().detection_count == 1
    message = StreamMessage.objects.get(type="detection.created")
    assert (message.data["labels"], message.data["upload"]) == (["person"], upload.pk)
    assert not QueueJob.objects.filter(queue="detection_queue").exists()


def test_the_size_that_intake_read_is_not_read_again(root):
    upload = put("door/a.jpg", files.jpeg(), root)
    Upload.objects.update(width=4321, height=1234)
    detect()
    Upload.objects.update(width=None, height=None, state=Upload.State.WAITING, finished_at=None)
    get_queue(DETECTION_QUEUE).put(upload.pk)
    detect()
    assert Eye.looked_at == [(4321, 1234), (upload.width, upload.height)]


def test_of_ten_thousand_objects_the_most_confident_are_stored_and_the_upload_says_so(root):
    Eye.sees = [DetectedObject(f"thing {n}", n / 10_000, PERSON.box) for n in range(10_000)]
    upload = put("door/a.jpg", files.jpeg(), root)
    detect()
    upload.refresh_from_db()
    assert upload.reason == "300 or more objects in one picture: only the most confident are stored"
    assert Detection.objects.count() == 300
    assert Detection.objects.earliest("confidence").label == "thing 9700"


def test_the_frames_of_a_clip_with_too_many_objects_say_so_once(root, tmp_path):
    Eye.sees = [replace(PERSON, box=Box(n / 1000, 0.1, 0.2, 0.5)) for n in range(301)]
    upload = put("door/a.mp4", files.mp4(tmp_path / "a.mp4", frames=12, rate=5).read_bytes(), root)
    detect()
    upload.refresh_from_db()
    assert len(Eye.looked_at) > 1
    assert Detection.objects.count() == 300 * len(Eye.looked_at)
    assert upload.reason.count("300 or more objects") == 1
    message = StreamMessage.objects.get(type="detection.created")
    assert len(json.dumps(message.data)) < 500


def test_a_picture_with_nothing_in_it_is_empty_and_makes_no_batch(root):
    Eye.sees = []
    upload = put("door/a.jpg", files.jpeg(), root)
    detect()
    upload.refresh_from_db()
    assert upload.state == Upload.State.EMPTY
    assert not Batch.objects.exists()


def test_an_error_is_never_empty(root):
    Eye.sees = AIServiceError("500")
    upload = put("door/a.jpg", files.jpeg(), root)
    detect()
    upload.refresh_from_db()
    assert upload.state == Upload.State.WAITING
    assert QueueJob.objects.get().failures[0]["text"] == "500"


def test_a_picture_that_the_service_refuses_is_dead_with_what_it_said(root):
    Eye.sees = AIServiceRejectedError("rtdetr answered 400", http_status=400, body="not a picture")
    upload = put("door/a.jpg", files.jpeg(), root)
    detect()
    upload.refresh_from_db()
    assert (upload.state, upload.reason) == ("dead", "AIServiceRejectedError: rtdetr answered 400")
    assert DeadLetter.objects.get().response_body == "not a picture"


def test_a_detector_that_is_away_leaves_the_upload_waiting_for_as_long_as_it_takes(root, settings):
    settings.JOB_MAX_ATTEMPTS = 2
    upload = put("door/a.jpg", files.jpeg(), root)
    Eye.sees = AIServiceUnavailableError("refused")
    for _ in range(settings.CIRCUIT_FAILURE_THRESHOLD + 3):
        detect()
    upload.refresh_from_db()
    assert upload.state == Upload.State.WAITING
    assert len(Eye.looked_at) == settings.CIRCUIT_FAILURE_THRESHOLD  # then it is left alone
    Eye.sees = [PERSON]
    get_breaker("Eye").reset()
    detect()
    upload.refresh_from_db()
    assert (upload.state, upload.attempts) == ("detected", 1)


def test_the_frames_of_a_clip_are_looked_at_and_know_their_offset(root, tmp_path, settings):
    settings.VIDEO_FRAME_INTERVAL_SECONDS, settings.VIDEO_MAX_FRAMES = 1.0, 3
    upload = put("door/a.mp4", files.mp4(tmp_path / "a.mp4", frames=20, rate=5).read_bytes(), root)
    detect()
    detections = list(Detection.objects.order_by("ordinal"))
    offsets = [d.frame_offset or 0.0 for d in detections]
    assert offsets == sorted(set(offsets))
    assert len(detections) == len(Eye.looked_at) == 3
    assert detections[0].frame_offset == pytest.approx(0, abs=0.2)
    for d in detections:
        assert d.captured_at == upload.captured_at + timedelta(seconds=d.frame_offset or 0)
    upload.refresh_from_db()
    assert upload.reason.startswith("only 3 frames were analysed")


def test_a_visit_of_18_seconds_in_a_long_recording_is_detected_at_its_times(root, tmp_path, settings):
    settings.DETECTOR = f"{__name__}.LightEye"
    clip = files.recording(tmp_path / "a.mp4", visits=[(311.5, 18.0)]).read_bytes()
    upload = put("door/Front_01_20260301120000.mp4", clip, root)
    detect()
    upload.refresh_from_db()
    offsets = [d.frame_offset or 0.0 for d in Detection.objects.order_by("ordinal")]
    assert upload.state == Upload.State.DETECTED
    assert len(offsets) >= 7
    assert all(311.5 <= offset < 329.5 for offset in offsets)
    for detection in Detection.objects.all():
        assert detection.captured_at == upload.captured_at + timedelta(seconds=detection.frame_offset or 0)
    assert upload.reason == (
        f"only 30 frames were analysed, {len(offsets)} of them in 1 period of motion (300 frames were compared)"
    )


class LightEye(Eye):
    """A detector that sees a person where the figure of `files.recording` is."""

    name = "light eye"

    def detect(self, picture: Picture) -> list[DetectedObject]:
        return [PERSON] if picture.pixels.max() > 200 else []


@pytest.mark.parametrize("frames", [20, 11])
def test_a_clip_with_nothing_in_it_says_where_it_was_looked_at_sparsely(root, tmp_path, settings, frames):
    settings.VIDEO_FRAME_INTERVAL_SECONDS, settings.VIDEO_MAX_FRAMES = 1.0, 3
    Eye.sees = []
    clip = files.mp4(tmp_path / "a.mp4", frames=frames, rate=5).read_bytes()
    upload = put("door/a.mp4", clip, root)
    Upload.objects.filter(pk=upload.pk).update(reason="the clip is cut short")
    detect()
    upload.refresh_from_db()
    said = "; only 3 frames were analysed, on average one every 1.9 s; 7 frames were compared, no motion stands out"
    assert (upload.state, upload.reason) == ("empty", f"the clip is cut short{said if frames == 20 else ''}")


def test_a_person_beyond_doubt_takes_the_fast_path(root):
    Eye.sees = [DetectedObject("person", 0.95, Box(0.1, 0.1, 0.2, 0.5))]
    put("door/a.jpg", files.jpeg(), root)
    detect()
    assert QueueJob.objects.get(queue="fast_path_queue").row_id == Batch.objects.get().pk


@pytest.mark.parametrize(("label", "confidence"), [("person", 0.89), ("cat", 0.99)])
def test_others_do_not(root, label, confidence):
    Eye.sees = [DetectedObject(label, confidence, Box(0.1, 0.1, 0.2, 0.5))]
    put("door/a.jpg", files.jpeg(), root)
    detect()
    assert not QueueJob.objects.filter(queue="fast_path_queue").exists()


def test_a_file_that_was_removed_before_it_was_analysed_is_dead_and_says_so(root, settings):
    settings.JOB_MAX_ATTEMPTS = 2
    upload = put("door/1.jpg", files.jpeg(), root)
    (root / "door/1.jpg").unlink()
    detect()
    upload.refresh_from_db()
    assert upload.state == "waiting"  # it may have been moved: its row follows it then
    detect()
    upload.refresh_from_db()
    assert (upload.state, DeadLetter.objects.get().error_type) == ("dead", "FileGoneError")


def test_a_file_that_was_overwritten_is_never_taken_for_the_one_that_came_before(root, settings):
    settings.JOB_MAX_ATTEMPTS = 1
    upload = put("door/1.jpg", files.jpeg(1), root)
    (root / "door/1.jpg").write_bytes(files.jpeg(2, size=(640, 360)))
    detect()
    upload.refresh_from_db()
    assert (upload.state, DeadLetter.objects.get().error_type) == ("dead", "FileGoneError")
    assert Eye.looked_at == []
    upload.camera.refresh_from_db()
    assert upload.camera.reuses_names


class Reader(Eye):
    """Looks at the pixels: at the colour of the top left corner."""

    seen: ClassVar[list[tuple[int, ...]]] = []

    def detect(self, picture: Picture) -> list[DetectedObject]:
        Reader.seen.append(tuple(int(value) for value in picture.pixels[2, 2]))
        return super().detect(picture)


class Versioned(Eye):
    version = "yolox " + "0f" * 32


def test_an_upload_says_which_model_looked_at_it(root, settings):
    settings.DETECTOR = f"{__name__}.Versioned"
    upload = put("door/a.jpg", files.jpeg(), root)
    detect()
    upload.refresh_from_db()
    assert upload.detector == "eye yolox " + "0f" * 32
    assert Upload.objects.filter(detector__contains="0f" * 32).count() == 1


def swapped(upload: Upload, root: Path, data: bytes) -> None:
    """Other bytes under the same size and time."""
    (root / upload.path).write_bytes(data.ljust(upload.size, b"\0"))
    os.utime(root / upload.path, ns=(upload.mtime_ns, upload.mtime_ns))


@pytest.mark.parametrize("name", ["1.jpg", "1.mp4"])
def test_other_bytes_under_the_same_size_and_time_are_never_looked_at(root, settings, tmp_path, name):
    settings.DETECTOR, settings.JOB_MAX_ATTEMPTS = f"{__name__}.Reader", 1
    Reader.seen = []
    clips = [files.mp4(tmp_path / f"{n}.mp4", frames=n).read_bytes() for n in (12, 8)]
    ours, other = (
        clips if name == "1.mp4" else (files.jpeg(1, (640, 360)), files.encoded(Image.new("RGB", (9, 9)), "GIF"))
    )
    upload = put(f"door/{name}", ours, root)
    swapped(upload, root, other)
    detect()
    upload.refresh_from_db()
    assert (upload.state, DeadLetter.objects.get().error_type) == ("dead", "FileGoneError")
    assert Reader.seen == []


def test_what_was_overwritten_is_looked_at_in_its_copy_and_only_while_that_is_one(root, settings):
    settings.DETECTOR, settings.JOB_MAX_ATTEMPTS = f"{__name__}.Reader", 1
    uploads = [put(f"{camera}/snap.jpg", files.jpeg(1, (640, 360)), root) for camera in ("door", "yard")]
    for upload in uploads:
        swapped(upload, root, files.encoded(Image.new("RGB", (9, 9)), "GIF"))
    (settings.DATA_DIR / uploads[1].spool).write_bytes(files.jpeg(2, (640, 360)))
    for _ in uploads:
        detect()
    assert [*Upload.objects.order_by("pk").values_list("state", flat=True)] == ["detected", "dead"]
    assert DeadLetter.objects.get().error_type == "FileGoneError"


def test_a_file_that_got_a_second_name_is_not_looked_at_and_was_not_overwritten(root, settings, tmp_path):
    settings.JOB_MAX_ATTEMPTS = 1
    upload = put("door/1.jpg", files.jpeg(), root)
    (tmp_path / "second").hardlink_to(root / upload.path)
    detect()
    upload.refresh_from_db()
    assert (upload.state, DeadLetter.objects.get().error_type) == ("dead", "FileGoneError")
    upload.camera.refresh_from_db()
    assert not upload.camera.reuses_names
    (tmp_path / "second").unlink()
    accept_file(Tree(root), upload.path, final=True)
    detect()
    upload.refresh_from_db()
    assert upload.state == "detected"


def test_a_file_that_was_touched_is_the_same(root, settings):
    settings.DETECTOR = f"{__name__}.Reader"
    upload = put("door/a.jpg", files.jpeg(), root)
    os.utime(root / upload.path, (1, 1))
    detect()
    upload.refresh_from_db()
    assert upload.state == Upload.State.DETECTED


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_detector_sees_a_picture_as_a_person_does(root, settings, orientation):
    settings.DETECTOR = f"{__name__}.Reader"
    Reader.seen = []
    upload = put("door/a.jpg", files.turned(files.corners((480, 320)), orientation), root)
    detect()
    assert (upload.width, upload.height) == (480, 320)
    assert Eye.looked_at == [(480, 320)]
    red, green, blue = Reader.seen[0]
    assert red > 200 > 60 > max(green, blue)


def test_a_decoder_that_cannot_be_started_leaves_the_upload_waiting(root, settings, monkeypatch):
    settings.DETECTOR = f"{__name__}.Reader"
    upload = put("door/a.jpg", files.jpeg(), root)

    def away(*_: Any, **__: Any) -> Any:
        raise OSError("the decoder cannot be started: files wait")

    monkeypatch.setattr(decoder, "_request", away)
    detect()
    upload.refresh_from_db()
    assert (upload.state, upload.attempts) == ("waiting", 0)


def test_a_camera_root_that_is_away_is_waited_for(root):
    upload = put("door/1.jpg", files.jpeg(), root)
    root.rename(root.parent / "away")
    detect()
    (root.parent / "away").rename(root)
    upload.refresh_from_db()
    assert (upload.state, upload.attempts) == ("waiting", 0)
    detect()
    upload.refresh_from_db()
    assert upload.state == Upload.State.DETECTED


def test_a_job_that_comes_twice_looks_once(root):
    upload = put("door/a.jpg", files.jpeg(), root)
    detect()
    from hsi.queues import DETECTION_QUEUE, get_queue

    get_queue(DETECTION_QUEUE).put(upload.pk)
    detect()
    assert len(Eye.looked_at) == 1
    assert Detection.objects.count() == 1
    assert not QueueJob.objects.filter(queue="detection_queue").exists()


def test_a_worker_that_lost_its_lease_stores_nothing(root, settings):
    upload = put("door/a.jpg", files.jpeg(), root)

    def stolen(self: Eye, picture: Picture) -> list[DetectedObject]:
        QueueJob.objects.filter(queue="detection_queue").update(lease="another's")
        return [PERSON]

    original, Eye.detect = Eye.detect, stolen  # type: ignore[method-assign]
    try:
        detect()
    finally:
        Eye.detect = original  # type: ignore[method-assign]
    upload.refresh_from_db()
    assert upload.state == Upload.State.WAITING
    assert not Detection.objects.exists()
    assert not StreamMessage.objects.filter(type="detection.created").exists()


def test_uploads_of_one_camera_that_are_detected_at_once_share_one_batch(root):
    for number in range(24):
        put(f"door/{number}.jpg", files.jpeg(number), root)
    workers = [loops(concurrency=2)[0] for _ in range(2)]
    threads = [threading.Thread(target=worker.run, kwargs={"drain": True}) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    batch = Batch.objects.get()
    assert (batch.detection_count, batch.upload_count, Detection.objects.count()) == (24, 24, 24)


def test_a_share_that_is_not_mounted_is_waited_for_though_its_folder_is_there(root):
    upload = put("door/1.jpg", files.jpeg(), root)
    (root / "door").rename(root.parent / "away")
    detect()
    upload.refresh_from_db()
    assert (upload.state, upload.attempts) == ("waiting", 0)
    (root.parent / "away").rename(root / "door")
    detect()
    upload.refresh_from_db()
    assert upload.state == Upload.State.DETECTED
