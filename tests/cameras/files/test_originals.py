"""A file is delivered only while it has the content that was taken in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cameras.files.originals import MediaGoneError, MediaHardLinkedError, MediaOverwrittenError, open_original
from cameras.models import Upload
from tests import pictures

pytestmark = pytest.mark.django_db


def swap(upload: Upload, data_dir: Path, content: bytes) -> Path:
    """Other bytes of the same size under the same time, as an FTP client can bring them."""
    path = data_dir / "cameras" / upload.path
    path.write_bytes(content.ljust(upload.size, b"\0"))
    os.utime(path, ns=(upload.mtime_ns, upload.mtime_ns))
    return path


def clip(size: int = 600_000) -> Upload:
    return pictures.stored(b"\0\0\0\x18ftyp" + b"v" * size, "a.mp4", kind=Upload.Kind.VIDEO)


def test_the_very_bytes_come_back(data_dir: Path):
    with open_original(pictures.stored(pictures.jpeg())) as file:
        assert file.read() == pictures.jpeg()
    upload = clip()
    with open_original(upload) as file:
        assert len(file.read()) == upload.size
        assert file.seek(4) == 4
        assert file.read(4) == b"ftyp"


@pytest.mark.parametrize("kind", Upload.Kind)
def test_other_bytes_of_the_same_size_and_time_are_reported_as_overwritten(data_dir: Path, kind: Upload.Kind):
    upload = pictures.stored(pictures.jpeg(), kind=kind)
    swap(upload, data_dir, b"GIF89a")
    with pytest.raises(MediaOverwrittenError, match="overwritten"):
        open_original(upload)


@pytest.mark.parametrize("kind", Upload.Kind)
def test_a_file_that_was_touched_or_copied_back_is_the_same(data_dir: Path, kind: Upload.Kind):
    upload = pictures.stored(pictures.jpeg(), kind=kind)
    os.utime(data_dir / "cameras" / upload.path, (1, 1))
    open_original(upload).close()


def test_a_clip_that_is_overwritten_while_it_is_sent_is_cut_off(data_dir: Path):
    upload = clip()
    with open_original(upload) as file:
        assert len(file.read(1000)) == 1000
        swap(upload, data_dir, b"other")
        with pytest.raises(OSError, match="overwritten"):
            file.read(1000)


def test_a_clip_that_gets_another_name_while_it_is_sent_goes_on(data_dir: Path):
    upload = clip()
    with open_original(upload) as file:
        first = file.read(1000)
        path = data_dir / "cameras" / upload.path
        path.rename(path.with_name("moved.mp4")).chmod(0o600)
        assert len(first + file.read()) == upload.size


def test_a_file_that_got_a_second_name_is_not_opened(data_dir: Path, tmp_path: Path):
    upload = pictures.stored(pictures.jpeg())
    (tmp_path / "second").hardlink_to(data_dir / "cameras" / upload.path)
    with pytest.raises(MediaHardLinkedError, match="second name"):
        open_original(upload)


def test_a_copy_in_the_spool_counts_only_while_it_has_the_content(data_dir: Path):
    upload = pictures.stored(pictures.jpeg())
    Upload.objects.filter(pk=upload.pk).update(spool="spool/copy")
    upload.refresh_from_db()
    (data_dir / "spool").mkdir()
    (data_dir / "spool/copy").write_bytes(pictures.jpeg())
    swap(upload, data_dir, b"GIF89a")
    with open_original(upload) as file:
        assert file.read() == pictures.jpeg()
    (data_dir / "spool/copy").write_bytes(b"other")
    with pytest.raises(MediaOverwrittenError):
        open_original(upload)
    (data_dir / "cameras" / upload.path).write_bytes(pictures.jpeg())
    with open_original(upload) as file:
        assert file.read() == pictures.jpeg()


@pytest.mark.parametrize("kind", Upload.Kind)
def test_overwritten_content_is_read_from_a_duplicate_even_if_others_are_gone(data_dir: Path, kind: Upload.Kind):
    upload = pictures.stored(pictures.jpeg(), kind=kind)
    good, overwritten, gone = (
        pictures.stored(pictures.jpeg(), name, upload.camera, kind=kind, state="duplicate", duplicate_of=upload)
        for name in ("good.jpg", "overwritten.jpg", "gone.jpg")
    )
    swap(upload, data_dir, b"GIF89a")
    swap(overwritten, data_dir, b"GIF89a")
    (data_dir / "cameras" / gone.path).unlink()
    with open_original(upload) as file:
        assert file.read() == pictures.jpeg()
    swap(good, data_dir, b"GIF89a")
    with pytest.raises(MediaOverwrittenError):
        open_original(upload)


def test_a_rejected_file_in_its_folder_is_known_by_its_time_as_well(data_dir: Path):
    upload = pictures.stored(pictures.jpeg(), state="rejected", sha256="")
    open_original(upload).close()
    os.utime(data_dir / "cameras" / upload.path, (1, 1))
    with pytest.raises(MediaGoneError, match="overwritten"):
        open_original(upload)
