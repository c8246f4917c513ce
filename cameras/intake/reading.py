"""What is learnt of a file on its way in, by kind: validated, hashed and made small, in the process that decodes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, Literal

from django.conf import settings

from cameras.media import decoder, file_types, formats
from cameras.models import Upload


@dataclass(frozen=True, slots=True)
class Found:
    """`facts` are columns of the upload; `thumbnail` is a JPEG; `exif_time` is naive, on the camera's clock."""

    facts: dict[str, Any]
    thumbnail: bytes
    exif_time: datetime | None = None


def read(file: BinaryIO, name: str, *, final: bool) -> Found:
    """Raises `MediaError`. `final`: a clip that is cut short will not grow any more, and counts as it is."""
    if _kind(file, name) == "image":
        return _read_image(file, name)
    return _read_clip(file, name, final=final)


def _kind(file: BinaryIO, name: str) -> Literal["image", "video"]:
    """By the content, for a name that promises a picture or a clip."""
    promised = formats.kind_of(name)
    if promised is None:
        raise formats.UnsupportedError(f"files of type {formats.extension(name)!r} are not handled")
    file.seek(0)
    try:
        return file_types.of(file.read(file_types.HEAD_BYTES), name).kind
    except formats.MediaFaultError:
        formats.checked_size(file, settings.IMAGE_MAX_BYTES if promised == "image" else settings.VIDEO_MAX_BYTES)
        raise


def _read_image(file: BinaryIO, name: str) -> Found:
    still = decoder.read_image(
        file, name=name, max_bytes=settings.IMAGE_MAX_BYTES, max_pixels=settings.IMAGE_MAX_PIXELS
    )
    facts = {"kind": Upload.Kind.IMAGE, "sha256": still.sha256, "width": still.width, "height": still.height}
    return Found(facts, still.thumbnail, still.exif_time)


def _read_clip(file: BinaryIO, name: str, *, final: bool) -> Found:
    clip = decoder.inspect(file, name=name, max_bytes=settings.VIDEO_MAX_BYTES, max_pixels=settings.IMAGE_MAX_PIXELS)
    if clip.cut and not final:
        raise formats.TruncatedError
    facts = {
        "kind": Upload.Kind.VIDEO, "sha256": clip.sha256, "width": clip.width, "height": clip.height,
        "duration_seconds": clip.duration_seconds, "reason": "the clip is cut short" if clip.cut else "",
    }  # fmt: skip
    return Found(facts, clip.thumbnail)
