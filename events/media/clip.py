"""The clip of an event: the clip that the camera sent, else an MP4 made of its pictures.

A clip that was made is stored beside the thumbnails, under a name that no upload has. A daily sweep removes it, and the
next request makes it again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from av.video.frame import VideoFrame
from django.conf import settings
from PIL import Image

from cameras.files.originals import MediaGoneError, open_original
from cameras.files.tree import atomic_write
from cameras.media import stills
from cameras.models import Upload
from events.models import Event
from hsi.errors import MediaError

FOLDER = "thumbnails/clips"
WIDTH, HEIGHT = 1280, 720  # at most
MOST_PICTURES = 60
PICTURES_A_SECOND = 2
QUALITY = "26"  # x264's constant rate factor: smaller is better
CODEC = {"preset": "veryfast", "crf": QUALITY, "threads": "1"}  # one thread, so that other work continues


@dataclass(frozen=True, slots=True)
class Source:
    """The source of a clip. `key` changes whenever the clip would change."""

    uploads: tuple[Upload, ...]
    key: str

    @property
    def recorded(self) -> Upload | None:
        """Return the first clip that the camera sent."""
        return next((upload for upload in self.uploads if upload.kind == Upload.Kind.VIDEO), None)


def source(event: Event) -> Source:
    """Return the uploads with detections of the event, oldest first. Raises `MediaGoneError` if there are none."""
    rows = Upload.objects.filter(detections__batch__event=event).distinct().order_by("captured_at", "id")
    uploads = tuple(rows)
    if not uploads:
        raise MediaGoneError("This event has no pictures.")
    numbers = ",".join(str(upload.pk) for upload in uploads)
    return Source(uploads, hashlib.sha256(f"{event.pk}:{numbers}".encode()).hexdigest()[:32])


def opened(clip: Source) -> tuple[BinaryIO, str, int]:
    """Open the clip. Return the file, its name and its size in bytes. Raises `MediaGoneError` or `MediaError`."""
    if (recorded := clip.recorded) is not None:
        return open_original(recorded), recorded.path, recorded.size
    path = settings.DATA_DIR / FOLDER / f"{clip.key}.mp4"
    if not path.exists():
        with atomic_write(path) as made:  # two processes that make it at once write the same
            write(made, _selection(clip.uploads))
    file = path.open("rb")
    return file, "event.mp4", os.fstat(file.fileno()).st_size


def write(path: Path, uploads: Iterable[Upload]) -> None:
    """Write an MP4 (H.264) of pictures, without missing or broken ones. Raises `MediaGoneError` if none is left."""
    images = _images(uploads)
    first = next(images, None)
    if first is None:
        raise MediaGoneError("The pictures of this event are gone.")
    size = _even(first)
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=PICTURES_A_SECOND, options=CODEC)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for image in (first, *images):
            container.mux(stream.encode(_frame(_fitted(image, size))))
        container.mux(stream.encode(None))


def _selection(uploads: tuple[Upload, ...]) -> list[Upload]:
    """Return all pictures, or as many as a clip may have, evenly spread."""
    count = min(len(uploads), MOST_PICTURES)
    return [uploads[place * len(uploads) // count] for place in range(count)]


def _images(uploads: Iterable[Upload]) -> Iterator[Image.Image]:
    for upload in uploads:
        try:
            yield stills.load_still_or_thumbnail(upload, max_width=WIDTH)
        except (MediaGoneError, MediaError):
            continue


def _even(image: Image.Image) -> tuple[int, int]:
    """Return the size of the clip after its first picture: even, as the codec requires, and limited."""
    factor = min(1.0, WIDTH / image.width, HEIGHT / image.height)
    return max(2, int(image.width * factor) // 2 * 2), max(2, int(image.height * factor) // 2 * 2)


def _frame(image: Image.Image) -> VideoFrame:
    return VideoFrame.from_ndarray(np.asarray(image), format="rgb24")


def _fitted(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return the picture in a frame of this size, undistorted, on black."""
    image.thumbnail(size)
    frame = Image.new("RGB", size)
    frame.paste(image, ((size[0] - image.width) // 2, (size[1] - image.height) // 2))
    return frame
