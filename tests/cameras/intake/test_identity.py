"""Which picture a file is: the content decides, whatever happens to its name and its times."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import pytest

from cameras.files.originals import MediaGoneError, open_original
from cameras.files.tree import Tree
from cameras.intake import identity
from cameras.intake.accept import IntakeResult, accept_file
from cameras.intake.incoming_file import IncomingFile
from cameras.intake.scanner import without_row
from cameras.models import Camera, Upload
from detection.pipeline import mark_upload_dead
from hsi.models import QueueJob
from hsi.queues import DETECTION_QUEUE, dead_letters, get_queue
from tests import factories, files

pytestmark = pytest.mark.django_db

State = Upload.State


def take(root: Path, path: str, data: bytes | None = None) -> IntakeResult:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    if data is not None:
        target.write_bytes(data)
    return accept_file(Tree(root), path, final=True)


def move(root: Path, before: str, after: str) -> None:
    (root / after).parent.mkdir(parents=True, exist_ok=True)
    (root / before).rename(root / after)


def finished(state: State = State.EMPTY) -> Upload:
    """The one upload there is, analysed long ago."""
    then = datetime.now(UTC) - timedelta(days=2)
    Upload.objects.update(state=state, finished_at=then, received_at=then)
    QueueJob.objects.all().delete()
    return Upload.objects.get()


def touched(root: Path) -> str:
    os.utime(root / "door/1.jpg", (1_000_000_000, 1_000_000_000))
    return "door/1.jpg"


def renamed(root: Path) -> str:
    move(root, "door/1.jpg", "door/other.jpg")
    return "door/other.jpg"


def archived(root: Path) -> str:
    move(root, "door/1.jpg", "door/done/2026/1.jpg")
    return "door/done/2026/1.jpg"


def archived_beside(root: Path) -> str:
    move(root, "door/1.jpg", "archive/door/1.jpg")
    return "archive/door/1.jpg"


def put_back(root: Path) -> str:
    move(root, "door/1.jpg", "1.jpg")
    (root / "door/1.jpg").write_bytes((root / "1.jpg").read_bytes())
    os.utime(root / "door/1.jpg")
    return "door/1.jpg"


@pytest.mark.parametrize("change", [touched, renamed, archived, archived_beside, put_back])
def test_a_file_that_was_touched_or_moved_is_the_upload_it_was(root: Path, change: Callable[[Path], str]):
    take(root, "door/1.jpg", files.jpeg())
    before = finished()
    path = change(root)
    assert take(root, path) is IntakeResult.KNOWN
    upload = Upload.objects.get()
    assert (upload.pk, upload.path, upload.state, upload.camera_id) == (before.pk, path, State.EMPTY, "door")
    assert not QueueJob.objects.exists()
    assert list(Camera.objects.values_list("pk", flat=True)) == ["door"]
    with open_original(upload) as file:
        assert file.read() == files.jpeg()
    assert take(root, path) is IntakeResult.KNOWN  # by its name and time alone


def test_a_renamed_camera_folder_creates_no_new_camera(root: Path):
    for number in range(3):
        take(root, f"door/{number}.jpg", files.jpeg(number))
    (root / "door").rename(root / "old door")
    assert {take(root, f"old door/{number}.jpg") for number in range(3)} == {IntakeResult.KNOWN}
    assert (Upload.objects.count(), Camera.objects.count()) == (3, 1)


def test_the_same_bytes_of_another_camera_are_another_picture_though_the_first_is_gone(root: Path):
    take(root, "door/1.jpg", files.jpeg())
    (root / "door/1.jpg").unlink()
    assert take(root, "yard/snap.jpg", files.jpeg()) is IntakeResult.ACCEPTED


def test_what_is_sent_to_a_camera_over_http_is_its_own_though_another_one_had_a_file_of_this_name(root: Path):
    factories.camera("yard")
    take(root, "door/1.jpg", files.jpeg())
    (root / "door/1.jpg").unlink()
    assert take(root, "yard/http/20260301/0a1b2c3d-abc/1.jpg", files.jpeg()) is IntakeResult.ACCEPTED
    assert [*Upload.objects.order_by("pk").values_list("camera", flat=True)] == ["door", "yard"]


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ("door/Door_01_20260301120000.jpg", "door/resent/Door_01_20260301120000.jpg"),
        ("door/img7.jpg", "door/2/img7.jpg"),
        ("door/2026Y03M01D12H/05M00S20.jpg", "door/sd/2026Y03M01D12H/05M00S20.jpg"),
    ],
)
def test_a_picture_that_is_sent_again_days_later_is_not_analysed_again(root: Path, first: str, again: str):
    take(root, first, files.jpeg())
    before = finished()
    assert take(root, again, files.jpeg()) is IntakeResult.DUPLICATE
    assert Upload.objects.get(path=again).duplicate_of_id == before.pk


def test_the_same_bytes_with_another_time_days_later_are_another_picture(root: Path):
    take(root, "door/Door_01_20260301120000.jpg", files.jpeg())
    finished()
    assert take(root, "door/Door_01_20260303120000.jpg", files.jpeg()) is IntakeResult.ACCEPTED


def test_a_time_that_is_set_while_the_file_is_read_is_no_change(root: Path, monkeypatch: pytest.MonkeyPatch):
    inspect = IncomingFile.inspect

    def inspect_while_the_time_is_set(incoming: IncomingFile, file: BinaryIO) -> None:
        inspect(incoming, file)
        os.utime(root / "door/1.jpg", ns=(5, 5))

    monkeypatch.setattr(IncomingFile, "inspect", inspect_while_the_time_is_set)
    assert take(root, "door/1.jpg", files.jpeg()) is IntakeResult.ACCEPTED
    assert Upload.objects.get().mtime_ns == 5


@pytest.mark.parametrize("seconds", [-62_135_596_800, -2_208_988_800, -1, 0, 4_102_444_800, 15_026_817_600])
def test_a_file_of_any_year_is_accepted(root: Path, seconds: int):
    (root / "door").mkdir()
    (root / "door/1.jpg").write_bytes(files.jpeg())
    os.utime(root / "door/1.jpg", (seconds, seconds))
    assert take(root, "door/1.jpg") is IntakeResult.ACCEPTED
    assert take(root, "door/1.jpg") is IntakeResult.KNOWN


@pytest.mark.one_engine
@pytest.mark.parametrize("mtime_ns", [-(2**63), -(10**18), 0, 10**18, 2**63 - 1])
def test_every_time_of_a_file_is_a_time(mtime_ns: int):
    from cameras.intake.capture_time import from_epoch_ns

    assert 1 <= from_epoch_ns(mtime_ns).year <= 9999
    assert from_epoch_ns(10**22).year == 9999
    assert from_epoch_ns(-(10**22)).year == 1


@pytest.fixture
def failed(root: Path) -> Upload:
    """An upload that failed, with its file."""
    take(root, "door/1.jpg", files.jpeg())
    upload = Upload.objects.get()
    [job] = get_queue(DETECTION_QUEUE).take(1, wait_seconds=0, lease_seconds=60)
    mark_upload_dead(upload.pk, "AIServiceRejectedError: no")
    get_queue(DETECTION_QUEUE).mark_dead(job, "refused", ValueError("no"))
    upload.refresh_from_db()
    assert upload.state == State.DEAD
    return upload


@pytest.mark.parametrize("change", [touched, renamed, archived_beside])
def test_a_failed_upload_waits_again_when_its_content_comes_again(
    root: Path, failed: Upload, change: Callable[[Path], str]
):
    path = change(root)
    take(root, path)
    upload = Upload.objects.get()
    assert (upload.pk, upload.path, upload.state) == (failed.pk, path, State.WAITING)
    assert QueueJob.objects.get().row_id == upload.pk


def test_a_duplicate_of_a_failed_upload_has_it_wait_again(root: Path, failed: Upload):
    assert take(root, "door/2.jpg", files.jpeg()) is IntakeResult.DUPLICATE
    failed.refresh_from_db()
    assert failed.state == State.WAITING
    assert Upload.objects.get(path="door/2.jpg").duplicate_of_id == failed.pk


def test_duplicates_fail_with_their_original_and_are_duplicates_again_with_its_next_try(root: Path):
    take(root, "door/1.jpg", files.jpeg())
    take(root, "door/2.jpg", files.jpeg())
    original, repeat = Upload.objects.order_by("id")
    QueueJob.objects.all().delete()
    mark_upload_dead(original.pk, "no")
    repeat.refresh_from_db()
    assert (repeat.state, repeat.reason) == (State.DEAD, f"upload {original.pk} of the same bytes failed")
    assert dead_letters.retry(DETECTION_QUEUE, repeat.pk, "somebody")
    assert dict(Upload.objects.values_list("pk", "state")) == {
        original.pk: State.WAITING, repeat.pk: State.DUPLICATE,
    }  # fmt: skip
    assert get_queue(DETECTION_QUEUE).live([original.pk]) == {original.pk}


def test_the_content_is_found_in_the_file_of_a_duplicate(root: Path):
    take(root, "door/1.jpg", files.jpeg())
    take(root, "door/2.jpg", files.jpeg())
    original = Upload.objects.order_by("id").first()
    assert original is not None
    (root / "door/1.jpg").write_bytes(files.jpeg(2))
    with open_original(original) as file:
        assert file.read() == files.jpeg()


def test_a_frozen_camera_s_thousands_of_repeats_are_not_all_read(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(identity, "MAX_COMPARED", 3)
    for number in range(8):
        take(root, f"door/{number}.jpg", files.jpeg())
    assert Upload.objects.filter(state=State.DUPLICATE).count() == 7
    assert set(Upload.objects.values_list("duplicate_of", flat=True)) == {None, Upload.objects.order_by("id")[0].pk}


def overwrite_unseen(root: Path, path: str, data: bytes) -> None:
    """Another content with the same size and time."""
    before = (root / path).stat()
    (root / path).write_bytes(data.ljust(before.st_size, b"\0"))
    os.utime(root / path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_another_content_under_the_same_name_size_and_time_is_another_picture(root: Path):
    first, second = files.jpeg(1) + b"\0" * 5000, files.jpeg(2)
    take(root, "door/1.jpg", first)
    overwrite_unseen(root, "door/1.jpg", second)
    assert accept_file(Tree(root), "door/1.jpg", final=False, just_written=True) is IntakeResult.ACCEPTED
    assert accept_file(Tree(root), "door/1.jpg", final=False, just_written=True) is IntakeResult.KNOWN
    before, after = Upload.objects.order_by("id")
    assert (before.file_gone, after.file_gone) == (True, False)
    assert before.sha256 != after.sha256


def test_retention_of_what_was_overwritten_unseen_leaves_the_new_file(root: Path):
    from monitoring.retention.removal import _garbage_of
    from monitoring.retention.units import _read

    take(root, "door/1.jpg", files.jpeg(1) + b"\0" * 5000)
    overwrite_unseen(root, "door/1.jpg", files.jpeg(2))
    accept_file(Tree(root), "door/1.jpg", final=False, just_written=True)
    before, after = _read(Upload.objects.order_by("id"))
    assert "door/1.jpg" not in {row.path for row in _garbage_of(before)}
    assert "door/1.jpg" in {row.path for row in _garbage_of(after)}


def test_an_upload_that_failed_because_its_file_was_gone_waits_again_when_a_scan_finds_it_back(root: Path):
    take(root, "door/1.jpg", files.jpeg())
    Upload.objects.update(state=State.DEAD, reason="FileGoneError: gone", finished_at=datetime.now(UTC))
    QueueJob.objects.all().delete()
    assert [entry.path for entry in without_row(Tree(root).walk())] == ["door/1.jpg"]
    assert take(root, "door/1.jpg") is IntakeResult.KNOWN
    assert Upload.objects.get().state == State.WAITING
    assert QueueJob.objects.count() == 1


def test_an_upload_that_the_detector_refused_is_not_retried_at_every_scan(root: Path, failed: Upload):
    assert list(without_row(Tree(root).walk())) == []
    assert take(root, "door/1.jpg") is IntakeResult.KNOWN
    failed.refresh_from_db()
    assert failed.state == State.DEAD


def test_what_is_written_over_a_picture_unseen_and_refused_stays_for_its_writer_and_is_judged_at_every_write(
    root: Path,
):
    picture = files.jpeg(1)
    take(root, "door/1.jpg", picture.ljust(len(files.jpeg(2)) + len(picture), b"\0"))
    first = Upload.objects.get()

    def swap(data: bytes, *, just_written: bool = True) -> IntakeResult:
        (root / first.path).write_bytes(data.ljust(first.size, b"\0"))
        os.utime(root / first.path, ns=(first.mtime_ns, first.mtime_ns))
        return accept_file(Tree(root), first.path, final=True, just_written=just_written)

    for _ in range(2):
        assert swap(b"GIF89a") is IntakeResult.REJECTED
        assert (root / first.path).exists()
        assert accept_file(Tree(root), first.path, final=True) is IntakeResult.KNOWN  # a scan
        assert (root / first.path).exists()
    with pytest.raises(MediaGoneError):
        open_original(first)
    assert swap(files.jpeg(2)) is IntakeResult.ACCEPTED
    assert [*Upload.objects.order_by("pk").values_list("state", flat=True)] == [State.WAITING, State.WAITING]


def test_a_rejected_file_that_replaced_an_accepted_one_stays_for_its_writer(root: Path):
    take(root, "door/1.jpg", files.jpeg(1))
    assert take(root, "door/1.jpg", files.jpeg(2)[:-400]) is IntakeResult.REJECTED
    assert take(root, "door/2.jpg", files.jpeg(3)[:-400]) is IntakeResult.REJECTED
    assert [(root / f"door/{number}.jpg").exists() for number in (1, 2)] == [True, False]
    assert take(root, "door/1.jpg", files.jpeg(4)) is IntakeResult.ACCEPTED
