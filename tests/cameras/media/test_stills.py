"""Pictures of uploads as they are shown: upright, of the content that was taken in, at a bounded cost."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cameras.files.originals import MediaGoneError, MediaOverwrittenError
from cameras.media import decoder, decoder_process, frame_cache, stills
from cameras.media.formats import BrokenError
from cameras.models import Upload
from hsi.errors import BusyError, MediaError
from tests import factories, files, pictures
from tests.cameras.files.test_originals import swap

pytestmark = pytest.mark.django_db

COLOURS = [pictures.RED, pictures.GREEN, pictures.BLUE]


@pytest.fixture
def clip(data_dir: Path) -> Upload:
    return pictures.stored(pictures.clip(COLOURS), "a.mp4", kind=Upload.Kind.VIDEO)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The offsets that were decoded."""
    offsets: list[float] = []
    frame_at = decoder.frame_at

    def counted(file: Any, **options: Any) -> Any:
        offsets.append(options["offset_seconds"])
        return frame_at(file, **options)

    monkeypatch.setattr(decoder, "frame_at", counted)
    return offsets


def is_at(image: Image.Image, place: tuple[int, int], colour: tuple[int, int, int]) -> bool:
    return pictures.looks_like(image.getpixel(place), colour)


@pytest.mark.parametrize("orientation", [3, 6, 7])
def test_a_still_is_upright(data_dir: Path, orientation: int):
    upload = pictures.stored(files.turned(files.corners((480, 320)), orientation))
    image = stills.load_still(upload, max_width=240)
    assert image.size == (240, 160)
    assert is_at(image, (5, 5), (255, 0, 0))
    assert is_at(image, (235, 155), (255, 255, 0))


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "BMP"])
def test_what_took_the_place_of_a_picture_is_not_shown_nor_is_anything_else(data_dir: Path, kind: str):
    pictures.put(data_dir / "thumbnails/a.jpg", pictures.jpeg((32, 24)))
    upload = pictures.stored(pictures.jpeg((1280, 960)), thumbnail="thumbnails/a.jpg")
    swap(upload, data_dir, files.encoded(Image.new("RGB", (20, 20)), kind))
    with pytest.raises(MediaOverwrittenError):
        stills.load_still_or_thumbnail(upload, max_width=240)


def test_a_picture_that_was_replaced_by_a_bomb_costs_nothing(data_dir: Path):
    bomb = files.encoded(Image.new("1", (7500, 7500)), "PNG")
    upload = pictures.stored(pictures.jpeg().ljust(len(bomb), b"\0"))
    swap(upload, data_dir, bomb)
    with pytest.raises(MediaOverwrittenError):
        stills.load_still(upload, max_width=240)


def test_a_missing_picture_is_replaced_by_its_thumbnail(data_dir: Path):
    pictures.put(data_dir / "thumbnails/a.jpg", pictures.jpeg((32, 24)))
    assert stills.load_still_or_thumbnail(factories.upload(thumbnail="thumbnails/a.jpg"), max_width=240).size == (
        32,
        24,
    )


def test_a_frame_is_decoded_once_for_all_its_sizes_and_parts(clip: Upload, asked: list[float]):
    assert is_at(stills.load_still(clip, max_width=64, offset_seconds=2.0), (5, 5), pictures.BLUE)
    small = stills.load_still(clip, max_width=32, offset_seconds=2.0)
    part = stills.load_still(clip, max_width=32, offset_seconds=2.0, box=(0.5, 0.5, 1.0, 1.0))
    assert (small.size, part.size) == ((32, 24), (32, 24))
    assert is_at(part, (5, 5), pictures.BLUE)
    assert is_at(stills.load_still(clip, max_width=64, offset_seconds=1.0), (5, 5), pictures.GREEN)
    assert asked == [2.0, 1.0]


def test_a_frame_that_is_kept_is_shown_also_when_the_clip_is_gone(clip: Upload, data_dir: Path):
    stills.load_still(clip, max_width=64, offset_seconds=1.0)
    (data_dir / "cameras" / clip.path).unlink()
    assert is_at(stills.load_still(clip, max_width=64, offset_seconds=1.0), (5, 5), pictures.GREEN)
    with pytest.raises(MediaGoneError):
        stills.load_still(clip, max_width=64, offset_seconds=2.0)


def test_a_frame_of_another_clip_under_the_same_size_and_time_is_not_shown(clip: Upload, data_dir: Path):
    other = pictures.clip(COLOURS[::-1])
    assert len(other) <= clip.size
    swap(clip, data_dir, other)
    with pytest.raises(MediaOverwrittenError):
        stills.load_still(clip, max_width=64, offset_seconds=1.0)


def test_a_failed_frame_and_later_ones_are_not_decoded_again_soon(
    clip: Upload, asked: list[float], monkeypatch: pytest.MonkeyPatch
):
    def costly(file: Any, **options: Any) -> Any:
        asked.append(options["offset_seconds"])
        raise decoder_process.DecodingLimitError("decoding takes longer than 1 s of a processor")

    with monkeypatch.context() as dear:
        dear.setattr(decoder, "frame_at", costly)
        for offset in (2.0, 2.0, 9.0):
            with pytest.raises(MediaError, match="longer than 1 s"):
                stills.load_still(clip, max_width=64, offset_seconds=offset)
    assert asked == [2.0]
    assert stills.load_still(clip, max_width=64, offset_seconds=1.0)
    assert asked == [2.0, 1.0]


def test_few_clips_are_decoded_at_once(clip: Upload, asked: list[float], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(frame_cache, "WAIT_SECONDS", 0)
    monkeypatch.setattr(frame_cache, "_slots", threading.BoundedSemaphore(1))
    with frame_cache._decoding_slot(), pytest.raises(BusyError):
        stills.load_still(clip, max_width=64)
    assert asked == []
    stills.load_still(clip, max_width=64)
    with frame_cache._decoding_slot():
        assert stills.load_still(clip, max_width=32)


def test_no_frame_is_cached_without_free_space(clip: Upload, data_dir: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("cameras.files.disk_guard.is_disk_low", lambda: True)
    assert stills.load_still(clip, max_width=32)
    assert not (data_dir / frame_cache.CACHE_FOLDER).exists()


def test_a_decoder_that_cannot_start_is_reported_as_busy(data_dir: Path, monkeypatch: pytest.MonkeyPatch):
    def away(*_: Any, **__: Any) -> Any:
        raise OSError("the decoder cannot be started")

    monkeypatch.setattr(decoder, "_request", away)
    with pytest.raises(BusyError):
        stills.load_still(pictures.stored(pictures.jpeg()), max_width=64)


def test_a_broken_picture_is_reported(data_dir: Path):
    with pytest.raises(BrokenError):
        stills.load_still(pictures.stored(b"\xff\xd8\xff" + bytes(300)), max_width=64)


def test_what_is_kept_is_a_picture_of_bounded_size(data_dir: Path):
    upload = pictures.stored(pictures.clip(COLOURS[:1], (2560, 64)), "a.mp4", kind=Upload.Kind.VIDEO)
    stills.load_still(upload, max_width=64)
    (kept,) = (data_dir / frame_cache.CACHE_FOLDER).iterdir()
    with Image.open(io.BytesIO(kept.read_bytes())) as image:
        assert image.size == (1920, 48)
