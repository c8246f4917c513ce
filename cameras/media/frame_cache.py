"""Frames of clips for people: decoded once, and cached on disk for the next view.

To decode a frame, all frames since the last key frame are decoded, and a clip may have only one key frame. So few are
decoded at once, decoded frames are cached, and a clip that failed is not tried again soon. The cache is next to the
thumbnails, under names that no upload has. A daily sweep deletes it.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from PIL import Image

from cameras.files import disk_guard
from cameras.files.originals import read_original
from cameras.files.paths import OutsideTreeError
from cameras.files.tree import Tree, atomic_write
from cameras.media import decoder
from cameras.media.formats import MediaFaultError
from cameras.media.transforms import Box, Size, crop, shrink_to_fit
from cameras.models import Upload
from hsi.errors import BusyError, MediaError

CACHE_FOLDER = "thumbnails/frames"
MAX_SIZE = (1920, 4 * 1920)
QUALITY = 90
MAX_CONCURRENT = max(2, (os.cpu_count() or 2) // 2)
# A page may ask for dozens of frames at once, and each may take a second on a small machine.
WAIT_SECONDS = 60.0
RETRY_SECONDS = 10
FAILURE_CACHE_SECONDS = 3600

_slots = threading.BoundedSemaphore(MAX_CONCURRENT)


def get_frame(upload: Upload, offset_seconds: float, *, box: Box | None, most: Size) -> Image.Image:
    """Return the frame of a clip, or the part in `box`, shrunk to fit `most`.

    Raise `MediaGoneError`, `MediaError`, or `BusyError` if too many requests wait.
    """
    if (cached := _load(upload, offset_seconds, box, most)) is not None:
        return cached
    _raise_known_failure(upload, offset_seconds)
    with _decoding_slot():
        if (cached := _load(upload, offset_seconds, box, most)) is not None:
            return cached
        _raise_known_failure(upload, offset_seconds)
        image = _decode(upload, offset_seconds)
    _store(upload, offset_seconds, image)
    return shrink_to_fit(crop(image, box), most)


def _decode(upload: Upload, offset_seconds: float) -> Image.Image:
    options = {"offset_seconds": offset_seconds, "most": MAX_SIZE, "max_pixels": settings.IMAGE_MAX_PIXELS}
    try:
        frame = read_original(upload, partial(decoder.frame_at, sha256=upload.sha256, **options))
    except MediaFaultError as error:
        cache.set(_failure_key(upload), (offset_seconds, error.detail), FAILURE_CACHE_SECONDS)
        raise
    return Image.fromarray(frame.pixels)


def _failure_key(upload: Upload) -> str:
    return f"frame-failed:{upload.pk}:{upload.sha256[:16]}"


def _raise_known_failure(upload: Upload, offset_seconds: float) -> None:
    """Raise the error of a recent attempt at this offset or an earlier one. A later frame costs at least as much."""
    failure = cache.get(_failure_key(upload))
    if failure is not None and offset_seconds >= failure[0]:
        raise MediaError(failure[1])


@contextlib.contextmanager
def _decoding_slot() -> Iterator[None]:
    if not _slots.acquire(timeout=WAIT_SECONDS):
        raise BusyError("Too many clips are being decoded.", retry_after_seconds=RETRY_SECONDS)
    try:
        yield
    finally:
        _slots.release()


def _path(upload: Upload, offset_seconds: float) -> str:
    return f"{CACHE_FOLDER}/{upload.pk}-{upload.sha256[:16]}-{round(offset_seconds * 1000)}.jpg"


def _load(upload: Upload, offset_seconds: float, box: Box | None, most: Size) -> Image.Image | None:
    try:
        with Tree(settings.DATA_DIR).open(_path(upload, offset_seconds)) as file:
            return decoder.render_pixels(
                file, sha256=None, max_pixels=settings.IMAGE_MAX_PIXELS, box=box, most=most
            ).image
    except (OSError, OutsideTreeError, MediaFaultError):
        return None


def _store(upload: Upload, offset_seconds: float, image: Image.Image) -> None:
    """Cache a frame if the disk has room. Otherwise the next view decodes it again."""
    if disk_guard.is_disk_low():
        return
    path: Path = settings.DATA_DIR / _path(upload, offset_seconds)
    with contextlib.suppress(OSError), atomic_write(path) as temporary:
        image.save(temporary, "JPEG", quality=QUALITY)
