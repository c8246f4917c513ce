from __future__ import annotations

import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings as configured
from django.db import IntegrityError, OperationalError, transaction

from cameras.files import quarantine, thumbnails
from cameras.files.paths import OutsideTreeError, encode_path
from cameras.files.tree import Tree
from cameras.intake.accept import IntakeResult, accept_file
from cameras.intake.incoming_file import IncomingFile
from cameras.media import decoder_process
from cameras.models import Camera, Upload
from detection.models import Batch
from hsi.models import QueueJob, StreamMessage
from tests import factories, files

pytestmark = pytest.mark.django_db


class Folder:
    """A camera root with what a test puts there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tree = Tree(root)

    def put(self, path: str | bytes, data: bytes) -> str:
        raw = os.fsencode(path)
        target = Path(os.fsdecode(os.fsencode(self.root) + b"/" + raw))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return encode_path(raw)

    def take(self, path: str | bytes, data: bytes | None = None, *, final: bool = True) -> IntakeResult:
        text = self.put(path, data) if data is not None else encode_path(os.fsencode(path))
        return accept_file(self.tree, text, final=final)


@pytest.fixture
def folder(data_dir: Path) -> Folder:
    return Folder(data_dir / "cameras")


def test_a_still_becomes_a_waiting_upload_with_a_job_and_a_thumbnail(folder, data_dir):
    name = f"MDAlarm_{datetime.now(UTC):%Y%m%d-%H%M%S}.jpg"
    assert folder.take(f"front_door/R2_00626E123456/snap/{name}", files.jpeg()) is IntakeResult.ACCEPTED
    upload = Upload.objects.get()
    assert (upload.camera_id, upload.state, upload.kind) == ("front_door", "waiting", "image")
    assert (upload.width, upload.height, upload.captured_at_source) == (320, 180, "name")
    assert upload.captured_at.microsecond == 0
    assert (data_dir / upload.thumbnail).read_bytes().startswith(b"\xff\xd8")
    assert QueueJob.objects.get().row_id == upload.pk
    assert StreamMessage.objects.get().type == "camera.status"


def test_a_clip_becomes_an_upload_that_knows_its_length(folder, tmp_path):
    clip = files.mp4(tmp_path / "clip.mp4", frames=20, rate=5).read_bytes()
    assert folder.take("garden/clip.mp4", clip) is IntakeResult.ACCEPTED
    upload = Upload.objects.get()
    assert (upload.kind, upload.width, upload.height) == ("video", 160, 96)
    assert upload.duration_seconds == pytest.approx(4, abs=0.3)


def test_the_same_version_accepted_twice_has_one_row(folder):
    assert folder.take("door/a.jpg", files.jpeg()) is IntakeResult.ACCEPTED
    assert folder.take("door/a.jpg") is IntakeResult.KNOWN
    assert (Upload.objects.count(), QueueJob.objects.count()) == (1, 1)


def test_the_same_bytes_from_the_same_camera_are_a_duplicate_of_the_first(folder):
    folder.take("door/a.jpg", files.jpeg())
    assert folder.take("door/b.jpg", files.jpeg()) is IntakeResult.DUPLICATE
    first, second = Upload.objects.order_by("id")
    assert (second.state, second.duplicate_of_id) == ("duplicate", first.pk)
    assert second.finished_at is not None
    assert QueueJob.objects.count() == 1


def test_the_same_bytes_from_another_camera_are_not(folder):
    folder.take("door/a.jpg", files.jpeg())
    assert folder.take("garden/a.jpg", files.jpeg()) is IntakeResult.ACCEPTED


def test_the_same_bytes_long_after_are_a_new_upload(folder, settings):
    folder.take("door/a.jpg", files.jpeg())
    long_ago = datetime.now(UTC) - timedelta(seconds=settings.DEDUPE_TTL_SECONDS + 1)
    Upload.objects.update(received_at=long_ago)
    assert folder.take("door/b.jpg", files.jpeg()) is IntakeResult.ACCEPTED
    assert folder.take("door/c.jpg", files.jpeg()) is IntakeResult.DUPLICATE
    assert Upload.objects.get(path="door/c.jpg").duplicate_of == Upload.objects.get(path="door/b.jpg")


def test_the_database_allows_one_original(folder):
    folder.take("door/a.jpg", files.jpeg())
    original = Upload.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.upload(original.camera, dedup_key=original.sha256)


def test_a_name_that_is_written_again_is_a_new_version(folder):
    folder.take("yi/2026Y03M01D14H/22M37S23.jpg", files.jpeg(1))
    assert folder.take("yi/2026Y03M01D14H/22M37S23.jpg", files.jpeg(2)) is IntakeResult.ACCEPTED
    assert Upload.objects.count() == 2


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("cut.jpg", files.jpeg()[:-400], "truncated"),
        ("renamed.jpg", b"GIF89a" + bytes(99), "renamed"),
        ("renamed.mp4", b"#EXTM3U\n#EXTINF:9,\na.ts\n", "renamed"),
        ("empty.jpg", b"", "empty"),
        ("empty.mkv", b"", "empty"),
        ("text.jpg", b"hello, this is no picture at all", "renamed"),
    ],
)
def test_a_broken_file_is_quarantined_with_its_reason(folder, data_dir, name, data, reason):
    assert folder.take(f"door/{name}", data) is IntakeResult.REJECTED
    upload = Upload.objects.get()
    assert upload.state == Upload.State.REJECTED
    assert upload.reason.startswith(reason)
    assert not (folder.root / "door" / name).exists()
    assert (data_dir / upload.quarantine).read_bytes() == data
    assert not QueueJob.objects.exists()


@pytest.mark.parametrize("data", [b"", files.jpeg()[:-400]])
def test_an_empty_or_cut_file_is_given_time_before_it_is_refused(folder, data):
    assert folder.take("door/a.jpg", data, final=False) is IntakeResult.INCOMPLETE
    assert not Upload.objects.exists()
    assert folder.take("door/a.jpg", files.jpeg(), final=False) is IntakeResult.ACCEPTED


def test_too_many_bytes_and_too_many_pixels_are_refused(folder, settings):
    settings.IMAGE_MAX_BYTES = 2000
    assert folder.take("door/big.jpg", files.jpeg()) is IntakeResult.REJECTED
    settings.IMAGE_MAX_BYTES, settings.IMAGE_MAX_PIXELS = 10**6, 1000
    assert folder.take("door/wide.jpg", files.jpeg(1)) is IntakeResult.REJECTED
    assert [upload.reason.split(":")[0] for upload in Upload.objects.order_by("id")] == ["too_large", "too_many_pixels"]


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.mp4", "a.ts"])
def test_a_file_under_a_wrong_name_is_taken_for_what_it_is(folder, tmp_path, name):
    clip = files.mp4(tmp_path / "made.mp4").read_bytes()
    for data, kind in ((files.jpeg(), "image"), (files.png(), "image"), (clip, "video")):
        assert folder.take(f"door/{kind}{len(data)}{name}", data) is IntakeResult.ACCEPTED
        assert Upload.objects.latest("pk").kind == kind


def test_a_file_waits_where_it_is_while_a_library_of_ours_is_broken(folder, monkeypatch):
    monkeypatch.setattr(decoder_process, "_idle", [])
    monkeypatch.setattr(decoder_process.DecoderProcess, "program", "tests.cameras.media.importing_child")
    path = folder.put("door/a.jpg", files.jpeg())
    for final in (False, True):
        with pytest.raises(OSError, match="cannot be started"):
            accept_file(folder.tree, path, final=final)
    assert not Upload.objects.exists()
    assert (folder.root / path).exists()
    monkeypatch.setattr(decoder_process.DecoderProcess, "program", "cameras.media.decoder_child")
    assert accept_file(folder.tree, path, final=False) is IntakeResult.ACCEPTED
    for child in decoder_process._idle:
        child.end()


def test_a_300_megabyte_file_is_refused_without_being_read(folder):
    path = folder.put("door/huge.jpg", b"")
    with (folder.root / "door/huge.jpg").open("r+b") as file:
        file.truncate(300 * 1024**2)
    assert accept_file(folder.tree, path, final=True) is IntakeResult.REJECTED
    assert Upload.objects.get().reason.startswith("too_large")


@pytest.mark.parametrize(
    "name",
    [
        b"new\nline.jpg",
        b"quote'\"`$(id).jpg",
        b"-rf --.jpg",
        b"caf\xe9\xff.jpg",
        "naïve ☃.jpg".encode(),
        b"back\\slash.jpg",
        b"x" * 251 + b".jpg",
        b"<img src=x onerror=alert(1)>.jpg",
    ],
)
def test_odd_names_are_ordinary_names(folder, name):
    assert folder.take(b"door/" + name, files.jpeg()) is IntakeResult.ACCEPTED
    upload = Upload.objects.get()
    assert folder.tree.open(upload.path).read() == files.jpeg()


@pytest.mark.parametrize("name", [b"b\xffd", b"a\nb", b"x" * 255, "Küche".encode(), b"<b>", b"-rf"])
def test_odd_folders_become_cameras_with_safe_ids(folder, name):
    assert folder.take(name + b"/a.jpg", files.jpeg()) is IntakeResult.ACCEPTED
    camera = Camera.objects.get()
    assert camera.pk.replace("_", "a").replace("-", "a").isalnum()
    assert len(camera.pk) <= 64
    assert camera.name.isprintable()


def test_two_folders_that_would_get_the_same_id_are_two_cameras(folder):
    folder.take("Front Door/a.jpg", files.jpeg(1))
    folder.take("front door/a.jpg", files.jpeg(2))
    assert Camera.objects.count() == 2


def test_an_unknown_folder_is_ignored_if_the_setting_says_so(folder, settings):
    settings.CAMERA_AUTO_CREATE = False
    assert folder.take("door/a.jpg", files.jpeg()) is IntakeResult.NOT_OURS
    factories.camera("door")
    assert folder.take("door/a.jpg") is IntakeResult.ACCEPTED


def test_a_paused_camera_s_files_wait_in_their_folder(folder):
    camera = factories.camera("door", enabled=False)
    assert folder.take("door/a.jpg", files.jpeg()) is IntakeResult.NOT_OURS
    Camera.objects.filter(pk=camera.pk).update(enabled=True)
    assert folder.take("door/a.jpg") is IntakeResult.ACCEPTED


def test_a_file_in_no_camera_s_folder_is_not_taken(folder):
    assert folder.take("loose.jpg", files.jpeg()) is IntakeResult.NOT_OURS


def test_a_symlink_is_never_followed(folder, tmp_path):
    (tmp_path / "secret.jpg").write_bytes(files.jpeg())
    folder.put("door/a.jpg", files.jpeg(1))
    (folder.root / "door" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (folder.root / "linked").symlink_to(tmp_path)
    with pytest.raises(OutsideTreeError):
        folder.take("door/link.jpg")
    with pytest.raises(OutsideTreeError):
        folder.take("linked/secret.jpg")
    assert not Upload.objects.exists()


def test_a_file_that_vanished_is_no_upload(folder):
    folder.put("door/a.jpg", b"x")
    with pytest.raises(FileNotFoundError):
        folder.take("door/b.jpg")
    assert not Upload.objects.exists()


def test_a_file_rewritten_while_it_is_read_waits(folder, monkeypatch):
    path = folder.put("door/1.jpg", files.jpeg())

    inspect = IncomingFile.inspect

    def inspect_while_another_process_writes(incoming, file):
        inspect(incoming, file)
        with (folder.root / "door/1.jpg").open("ab") as other:
            other.write(b"more")

    monkeypatch.setattr(IncomingFile, "inspect", inspect_while_another_process_writes)
    assert accept_file(folder.tree, path, final=True) is IntakeResult.INCOMPLETE
    assert not Upload.objects.exists()


def test_a_file_with_a_second_name_is_refused_unread_and_stays(folder, tmp_path, caplog, monkeypatch):
    secret = tmp_path / "not_theirs.jpg"
    secret.write_bytes(files.jpeg())
    (folder.root / "door").mkdir(exist_ok=True)
    (folder.root / "door/a.jpg").hardlink_to(secret)
    monkeypatch.setattr(IncomingFile, "inspect", lambda *_: pytest.fail("it was read"))
    assert accept_file(folder.tree, "door/a.jpg", final=False) is IntakeResult.INCOMPLETE
    assert not Upload.objects.exists()
    assert accept_file(folder.tree, "door/a.jpg", final=True) is IntakeResult.REJECTED
    assert accept_file(folder.tree, "door/a.jpg", final=True) is IntakeResult.KNOWN
    upload = Upload.objects.get()
    assert (upload.state, upload.quarantine, upload.sha256) == (Upload.State.REJECTED, "", "")
    assert upload.reason.startswith("linked: ")
    assert (folder.root / "door/a.jpg").exists()
    assert [record.message for record in caplog.records if "rejected" in record.message] == [
        f"door/a.jpg rejected: {upload.reason.removeprefix('linked: ')}"
    ]


def test_a_file_that_has_one_name_again_is_accepted(folder, tmp_path):
    path = folder.put("door/a.jpg", files.jpeg())
    (tmp_path / "second.jpg").hardlink_to(folder.root / path)
    assert accept_file(folder.tree, path, final=True) is IntakeResult.REJECTED
    (tmp_path / "second.jpg").unlink()
    assert accept_file(folder.tree, path, final=True) is IntakeResult.ACCEPTED
    assert Upload.objects.get().state == Upload.State.WAITING


def test_an_accepted_file_that_gets_a_second_name_stays_known(folder, tmp_path):
    path = folder.put("door/a.jpg", files.jpeg())
    assert accept_file(folder.tree, path, final=True) is IntakeResult.ACCEPTED
    (tmp_path / "second.jpg").hardlink_to(folder.root / path)
    assert accept_file(folder.tree, path, final=True) is IntakeResult.KNOWN
    assert Upload.objects.get().state == Upload.State.WAITING


def test_a_move_that_a_crash_interrupted_is_finished_at_the_next_scan(folder, data_dir, monkeypatch):
    with monkeypatch.context() as crash:
        crash.setattr(quarantine, "move", lambda tree, upload: None)
        folder.take("door/cut.jpg", files.jpeg()[:-400])
    assert (folder.root / "door/cut.jpg").exists()
    assert folder.take("door/cut.jpg") is IntakeResult.KNOWN
    assert not (folder.root / "door/cut.jpg").exists()
    assert (data_dir / Upload.objects.get().quarantine).exists()


def test_a_quarantine_that_cannot_be_written_leaves_the_file_and_the_reason(folder, data_dir):
    (data_dir / "quarantine").write_text("in the way")
    assert folder.take("door/cut.jpg", files.jpeg()[:-400]) is IntakeResult.REJECTED
    assert Upload.objects.get().reason.startswith("truncated")
    assert (folder.root / "door/cut.jpg").exists()


def test_a_full_disk_is_our_failure_and_the_file_stays_for_another_try(folder, monkeypatch):
    def full(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(Path, "write_bytes", full, raising=True)
        path = "door/a.jpg"
        (folder.root / "door").mkdir()
        with (folder.root / path).open("wb") as file:
            file.write(files.jpeg())
        with pytest.raises(OSError, match="No space"):
            accept_file(folder.tree, path, final=True)
    assert not Upload.objects.exists()
    assert folder.take("door/a.jpg") is IntakeResult.ACCEPTED


def test_a_queue_that_is_full_leaves_the_upload_waiting_in_its_row(folder, settings):
    settings.QUEUE_MAX_SIZE = 1
    folder.take("door/a.jpg", files.jpeg(1))
    folder.take("door/b.jpg", files.jpeg(2))
    assert Upload.objects.waiting().count() == 2
    assert QueueJob.objects.count() == 1


def test_a_failing_database_stores_nothing_by_halves(folder, monkeypatch):
    def fail(*messages):
        raise OperationalError("database is away")

    monkeypatch.setattr("hsi.outbox.publish.publish", fail)
    with pytest.raises(OperationalError):
        folder.take("door/a.jpg", files.jpeg())
    assert not QueueJob.objects.exists()
    assert not Upload.objects.exists()
    assert not Batch.objects.exists()


def test_a_name_without_a_time_is_dated_by_its_arrival(folder):
    folder.take("door/picture.jpg", files.jpeg())
    upload = Upload.objects.get()
    assert (upload.captured_at_source, upload.captured_at) == ("arrival", upload.received_at)


def test_a_file_that_lay_there_before_we_came_is_dated_by_when_it_was_written(folder):
    path = folder.put("door/picture.jpg", files.jpeg())
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    os.utime(folder.root / path, (hour_ago.timestamp(), hour_ago.timestamp()))
    accept_file(folder.tree, path, final=True)
    upload = Upload.objects.get()
    assert upload.captured_at_source == "mtime"
    assert abs(upload.captured_at - hour_ago) < timedelta(seconds=1)


@pytest.mark.parametrize("off", [timedelta(minutes=10), timedelta(days=-40)])
def test_a_clock_that_is_far_off_is_not_believed(folder, off):
    folder.take(f"door/MDAlarm_{datetime.now(UTC) + off:%Y%m%d-%H%M%S}.jpg", files.jpeg())
    upload = Upload.objects.get()
    assert (upload.clock_skew, upload.captured_at_source) == (True, "arrival")


def test_a_time_in_a_name_is_local_to_the_camera(folder):
    factories.camera("door", time_zone="America/New_York")
    from zoneinfo import ZoneInfo

    local = datetime.now(ZoneInfo("America/New_York")).replace(microsecond=0)
    folder.take(f"door/MDAlarm_{local:%Y%m%d-%H%M%S}.jpg", files.jpeg())
    assert Upload.objects.get().captured_at == local


@pytest.mark.parametrize("off", [timedelta(hours=-1), timedelta(minutes=-12), timedelta(days=-3)])
def test_a_file_that_was_just_closed_is_live_despite_its_name(folder, off):
    for n in range(3):
        name = f"n{n}_01_{datetime.now(UTC) + off:%Y%m%d%H%M%S}.jpg"
        folder.take(f"door/{name}", files.jpeg(quality=50 + n))
    for upload in Upload.objects.all():
        assert (upload.clock_skew, upload.captured_at_source) == (True, "arrival")
        assert upload.captured_at == upload.received_at


@pytest.mark.parametrize(("off", "is_live"), [(timedelta(hours=-2), True), (timedelta(hours=-2, minutes=-17), False)])
def test_a_file_to_which_the_camera_gave_its_own_time_is_live_where_that_is_off_by_whole_hours(folder, off, is_live):
    then = datetime.now(UTC) + off
    path = folder.put(f"door/n_01_{then:%Y%m%d%H%M%S}.jpg", files.jpeg())
    os.utime(folder.root / path, (then.timestamp(), then.timestamp()))
    accept_file(folder.tree, path, final=True)
    upload = Upload.objects.get()
    assert (upload.clock_skew, upload.captured_at == upload.received_at) == (is_live, is_live)


def test_a_clock_that_is_an_hour_off_is_noted_at_its_camera(folder):
    for n in range(2):
        folder.take(
            f"door/n{n}_01_{datetime.now(UTC) - timedelta(hours=1):%Y%m%d%H%M%S}.jpg", files.jpeg(quality=50 + n)
        )
    assert Camera.objects.get().clock_offset_seconds == -3600


def test_a_clip_without_a_time_began_before_it_arrived(folder):
    folder.take("door/clip.mp4", files.mp4(folder.root.parent / "made.mp4").read_bytes())
    upload = Upload.objects.get()
    assert upload.duration_seconds is not None
    assert upload.captured_at == upload.received_at - timedelta(seconds=upload.duration_seconds)


def test_the_channels_of_a_recorder_with_a_pattern_are_cameras(folder):
    factories.camera("nvr", channel_pattern="NVR_{channel}_")
    for channel in ("00", "01"):
        name = f"NVR_{channel}_{datetime.now(UTC):%Y%m%d%H%M%S}.jpg"
        assert (
            folder.take(f"nvr/{name}", files.jpeg()) is IntakeResult.ACCEPTED
        )  # the same bytes: no duplicate of another
    assert set(Upload.objects.values_list("camera", flat=True)) == {"nvr_00", "nvr_01"}


def test_two_who_take_the_same_file_in_at_once_do_not_take_each_others_thumbnail(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
):
    """As the watcher and the HTTP way in do: both have written theirs before either gives it its name."""
    both, write = threading.Barrier(2, timeout=20), Path.write_bytes

    def written(path: Path, data: bytes) -> int:
        size = write(path, data)
        both.wait()
        return size

    content, version = "ab" * 32, "cd" * 32
    (configured.DATA_DIR / "thumbnails/door/ab").mkdir(parents=True)
    monkeypatch.setattr(Path, "write_bytes", written)
    with ThreadPoolExecutor(2) as pool:
        store = thumbnails.store_thumbnail
        first, second = (pool.submit(store, "door", content, version, files.jpeg()) for _ in range(2))
    assert first.result() == second.result()
    assert (configured.DATA_DIR / first.result()).read_bytes() == files.jpeg()
