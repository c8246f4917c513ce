"""Decode pictures and clips in separate processes with limited memory and processor time.

A file that crashes its decoder, through a bug of a library or by its cost, is rejected and affects nothing else. The
processes are started on demand, kept for the next file, and end with this process. All code that reads a camera's bytes
uses this module: no other process decodes them, and what is decoded has the content that was accepted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from datetime import datetime
from typing import Any, BinaryIO, TypedDict, Unpack

import numpy as np
from PIL import Image

from cameras.files import content
from cameras.media import formats, image_file, render, transforms, video
from cameras.media.decoder_process import (
    DecoderCrashError,
    DecodingMemoryLimitError,
    DecodingTimeLimitError,
    Reply,
    borrow_process,
)
from cameras.media.decoder_self_test import self_test_on_failure
from cameras.media.frame_selection import Sampling
from hsi.errors import MediaError

_ERRORS = {
    error.__name__: error
    for error in (MediaError, content.ContentChangedError, *formats.MediaFaultError.__subclasses__())
}


class RenderOptions(TypedDict, total=False):
    """Which part of a picture to return, and at what size. See `render.render_pixels`."""

    mode: render.Mode
    least: transforms.Size | None
    box: transforms.Box | None
    most: transforms.Size | None


def read_image(file: BinaryIO, *, name: str, max_bytes: int, max_pixels: int) -> image_file.ImageInfo:
    """Call `image_file.read_image` in the decoder. Raise a `MediaFaultError`, or an `OSError` if reading fails."""
    facts, thumbnail = _request_one(file, task="image", name=name, max_bytes=max_bytes, max_pixels=max_pixels)
    text = facts.pop("exif_time")
    exif_time = datetime.fromisoformat(text) if text else None
    return image_file.ImageInfo(**facts, thumbnail=thumbnail, exif_time=exif_time)


def inspect_clip(file: BinaryIO, *, name: str, max_bytes: int, max_pixels: int) -> video.ClipInfo:
    """Call `video.inspect_clip` in the decoder. Raise like `read_image`."""
    version = content.file_version(file)
    facts, thumbnail = _request_one(file, task="clip", name=name, max_bytes=max_bytes, max_pixels=max_pixels)
    content.remember_verified(file, version, facts["sha256"])
    return video.ClipInfo(**facts, thumbnail=thumbnail)


def sample_frames(
    file: BinaryIO, *, sha256: str, interval_seconds: float, max_frames: int, max_pixels: int
) -> Generator[video.Frame]:
    """Call `video.sample_frames` in the decoder: one frame at a time, of the clip with this content.

    Raise like `read_image`, and `content.ContentChangedError`, which may come after the last frame.
    """
    version = content.file_version(file)
    request: dict[str, Any] = {
        "task": "frames", "sha256": sha256, "is_verified": content.is_verified(file, sha256),
        "interval_seconds": interval_seconds, "max_frames": max_frames, "max_pixels": max_pixels,
    }  # fmt: skip
    with self_test_on_failure(file, request["task"]), contextlib.closing(_request(file, **request)) as replies:
        for header, pixels in replies:
            if "is_progress" not in header:
                yield _to_frame(header, pixels)
    content.remember_verified(file, version, sha256)


def frame_at(
    file: BinaryIO, *, sha256: str, offset_seconds: float, most: tuple[int, int], max_pixels: int
) -> video.Frame:
    """Call `video.frame_at` in the decoder, shrunk to fit `most` (width, height). Raise like `sample_frames`."""
    version = content.file_version(file)
    options = {"offset_seconds": offset_seconds, "most": most, "max_pixels": max_pixels}
    is_verified = content.is_verified(file, sha256)
    header, pixels = _request_one(file, task="frame", sha256=sha256, is_verified=is_verified, **options)
    content.remember_verified(file, version, sha256)
    return _to_frame(header, pixels)


def render_pixels(
    file: BinaryIO, *, sha256: str | None, max_pixels: int, **options: Unpack[RenderOptions]
) -> render.RenderedPicture:
    """Call `render.render_pixels` in the decoder. Raise like `read_image`, and `content.ContentChangedError`."""
    header, body = _request_one(file, task="pixels", sha256=sha256, max_pixels=max_pixels, **options)
    width, height = header["size"]
    image = Image.frombytes(header["mode"], tuple(header["image_size"]), body)
    return render.RenderedPicture((width, height), image)


def render_upright(file: BinaryIO, *, sha256: str | None, max_pixels: int) -> render.UprightFile:
    """Call `render.render_upright` in the decoder. Raise like `render_pixels`."""
    header, encoded = _request_one(file, task="upright", sha256=sha256, max_pixels=max_pixels)
    width, height = header["size"]
    return render.UprightFile((width, height), encoded)


def _to_frame(header: dict[str, Any], pixels: bytes) -> video.Frame:
    shape = (header["height"], header["width"], 3)
    sampling = header["sampling"] and Sampling(**header["sampling"])
    array = np.frombuffer(pixels, np.uint8).reshape(shape)
    return video.Frame(header["offset_seconds"], array, sampling, header["in_motion"])


def _request_one(file: BinaryIO, **request: Any) -> Reply:
    """Return the only reply. After a crash, try a second process, because the first may have ended by chance."""
    with self_test_on_failure(file, request["task"]):
        try:
            [reply] = _request(file, **request)
        except DecodingTimeLimitError:
            raise
        except DecoderCrashError:
            [reply] = _request(file, **request)
        return reply


def _request(file: BinaryIO, **request: Any) -> Generator[Reply]:
    with borrow_process() as process:
        for header, body in process.request(file, request):
            if header.get("error") == "MemoryError":  # earlier files may have taken the memory: end this process
                raise DecodingMemoryLimitError
            if "error" in header:
                break
            if not header:
                return
            yield header, body
    _raise(**header)


def _raise(error: str, detail: str = "", errno: int | None = None) -> None:
    if error == "OSError":
        raise OSError(errno, detail)
    raise _ERRORS[error](detail)
