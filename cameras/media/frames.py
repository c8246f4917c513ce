"""Frames of clips, as somebody looks at them: decoded once, and kept for the next look.

To get at a frame, all frames since the last key frame are decoded, and a clip may have one key frame alone. So few
are decoded at once, a frame that was decoded is kept, and what proved too costly is not tried again soon. What is
kept lies beside the small pictures under a name that no upload has: a daily sweep
removes it.
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
from cameras.files.tree import OutsideTreeError, Tree, written_whole
from cameras.media import decoder
from cameras.media.formats import MediaFaultError
from cameras.media.render import Box, Rendered, Size, cut, shrunk
from cameras.models import Upload
from hsi.errors import BusyError, MediaError

FOLDER = "thumbnails/frames"
LARGEST = (1920, 4 * 1920)
QUALITY = 90
AT_ONCE = max(2, (os.cpu_count() or 2) // 2)
# A page may ask for dozens at once, and each may take a second on a small machine.
WAIT_SECONDS = 60.0
RETRY_SECONDS = 10
FAILED_SECONDS = 3600

_places = threading.BoundedSemaphore(AT_ONCE)


def frame(upload: Upload, offset_seconds: float, *, box: Box | None, most: Size) -> Image.Image:
    """The frame of a clip, or the part in `box`, shrunk to fit `most`.

    Raises `MediaGoneError`, `MediaError` or, where too many wait, `BusyError`.
    """
    if (kept := _kept(upload, offset_seconds, box, most)) is not None:
        return kept
    _refuse_what_failed(upload, offset_seconds)
    with _place():
        if (kept := _kept(upload, offset_seconds, box, most)) is not None:
            return kept
        _refuse_what_failed(upload, offset_seconds)
        image = _decoded(upload, offset_seconds)
    _keep(upload, offset_seconds, image)
    return shrunk(cut(image, box), most)


def _decoded(upload: Upload, offset_seconds: float) -> Image.Image:
    options = {"offset_seconds": offset_seconds, "most": LARGEST, "max_pixels": settings.IMAGE_MAX_PIXELS}
    try:
        found = read_original(upload, partial(decoder.frame_at, sha256=upload.sha256, **options))
    except MediaFaultError as error:
        cache.set(_failed(upload), (offset_seconds, error.detail), FAILED_SECONDS)
        raise
    return Image.fromarray(found.pixels)


def _failed(upload: Upload) -> str:
    return f"frame-failed:{upload.pk}:{upload.sha256[:16]}"


def _refuse_what_failed(upload: Upload, offset_seconds: float) -> None:
    """What lies later in the clip costs no less."""
    failed = cache.get(_failed(upload))
    if failed is not None and offset_seconds >= failed[0]:
        raise MediaError(failed[1])


@contextlib.contextmanager
def _place() -> Iterator[None]:
    if not _places.acquire(timeout=WAIT_SECONDS):
        raise BusyError("Too many clips are being looked into.", retry_after_seconds=RETRY_SECONDS)
    try:
        yield
    finally:
        _places.release()


def _path(upload: Upload, offset_seconds: float) -> str:
    return f"{FOLDER}/{upload.pk}-{upload.sha256[:16]}-{round(offset_seconds * 1000)}.jpg"


def _kept(upload: Upload, offset_seconds: float, box: Box | None, most: Size) -> Image.Image | None:
    try:
        with Tree(settings.DATA_DIR).open(_path(upload, offset_seconds)) as file:
            found: Rendered = decoder.pixels(
                file, sha256=None, max_pixels=settings.IMAGE_MAX_PIXELS, box=box, most=most
            )
    except (OSError, OutsideTreeError, MediaFaultError):
        return None
    return found.image


def _keep(upload: Upload, offset_seconds: float, image: Image.Image) -> None:
    """There whole or not at all. Where there is no room, it is decoded again for the next look."""
    if disk_guard.is_short():
        return
    path: Path = settings.DATA_DIR / _path(upload, offset_seconds)
    with contextlib.suppress(OSError), written_whole(path) as made:
        image.save(made, "JPEG", quality=QUALITY)
