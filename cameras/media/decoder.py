"""Decoding of what cameras send, in processes of their own with limited memory and processor time.

A file that ends its decoder, by a fault of a library or by what it costs, ends nothing else: it is told from the
others and refused. The processes are started when they are needed, kept for the next file, and end with this one.
Whatever looks at a camera's bytes asks here: no other process decodes one, and what is decoded has the content that
was taken in.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from datetime import datetime
from typing import Any, BinaryIO, TypedDict, Unpack

import numpy as np
from PIL import Image

from cameras.files import content
from cameras.media import canary, formats, image_file, render, video
from cameras.media.decoder_process import Answer, KillsDecoderError, TakesTooLongError, TakesTooMuchError, borrowed
from hsi.errors import MediaError

_FAULTS = {
    fault.__name__: fault
    for fault in (MediaError, content.OtherContentError, *formats.MediaFaultError.__subclasses__())
}


class Wanted(TypedDict, total=False):
    """What of a picture is wanted: see `render.pixels`."""

    mode: render.Mode
    least: render.Size | None
    box: render.Box | None
    most: render.Size | None


def read_image(file: BinaryIO, *, name: str, max_bytes: int, max_pixels: int) -> image_file.Still:
    """`imagefile.read_image` in a process of its own. Raises a `MediaFaultError`; an `OSError` is a failure to read."""
    facts, thumbnail = _only(file, work="image", name=name, max_bytes=max_bytes, max_pixels=max_pixels)
    taken = facts.pop("exif_time")
    return image_file.Still(**facts, thumbnail=thumbnail, exif_time=datetime.fromisoformat(taken) if taken else None)


def inspect(file: BinaryIO, *, name: str, max_bytes: int, max_pixels: int) -> video.Clip:
    """`video.inspect` in a process of its own. Raises as `read_image` does."""
    seen = content.version(file)
    facts, thumbnail = _only(file, work="clip", name=name, max_bytes=max_bytes, max_pixels=max_pixels)
    content.remember(file, seen, facts["sha256"])
    return video.Clip(**facts, thumbnail=thumbnail)


def sample(
    file: BinaryIO, *, sha256: str, interval_seconds: float, max_frames: int, max_pixels: int
) -> Generator[video.Frame]:
    """`video.sample` in a process of its own: a frame at a time, of the clip of this content.

    Raises as `read_image` does, and `content.OtherContentError`, which may come after the last frame.
    """
    options = {"interval_seconds": interval_seconds, "max_frames": max_frames, "max_pixels": max_pixels}
    seen = content.version(file)
    known = content.is_known(file, sha256)
    request: dict[str, Any] = {"work": "frames", "sha256": sha256, "known": known, **options}
    with canary.blaming(file, request["work"]), contextlib.closing(_answers(file, **request)) as answers:
        for facts, pixels in answers:
            yield _frame(facts, pixels)
    content.remember(file, seen, sha256)


def frame_at(
    file: BinaryIO, *, sha256: str, offset_seconds: float, most: tuple[int, int], max_pixels: int
) -> video.Frame:
    """`video.frame_at` in a process of its own, shrunk to fit `most` (width, height). Raises as `sample` does."""
    seen = content.version(file)
    options = {"offset_seconds": offset_seconds, "most": most, "max_pixels": max_pixels}
    answer = _only(file, work="frame", sha256=sha256, known=content.is_known(file, sha256), **options)
    content.remember(file, seen, sha256)
    return _frame(*answer)


def pixels(file: BinaryIO, *, sha256: str | None, max_pixels: int, **wanted: Unpack[Wanted]) -> render.Rendered:
    """`render.pixels` in a process of its own. Raises as `read_image` does, and `content.OtherContentError`."""
    facts, body = _only(file, work="pixels", sha256=sha256, max_pixels=max_pixels, **wanted)
    width, height = facts["size"]
    return render.Rendered((width, height), Image.frombytes(facts["mode"], tuple(facts["shown"]), body))


def upright(file: BinaryIO, *, sha256: str | None, max_pixels: int) -> render.Upright:
    """`render.upright` in a process of its own. Raises as `pixels` does."""
    facts, encoded = _only(file, work="upright", sha256=sha256, max_pixels=max_pixels)
    width, height = facts["size"]
    return render.Upright((width, height), encoded)


def _frame(facts: dict[str, Any], pixels: bytes) -> video.Frame:
    shape = (facts["height"], facts["width"], 3)
    return video.Frame(facts["offset_seconds"], np.frombuffer(pixels, np.uint8).reshape(shape), facts["every_seconds"])


def _only(file: BinaryIO, **request: Any) -> Answer:
    """The one result. A process that was ended before it answered may have been so by chance: another one is asked."""
    with canary.blaming(file, request["work"]):
        try:
            [answer] = _answers(file, **request)
        except TakesTooLongError:
            raise
        except KillsDecoderError:
            [answer] = _answers(file, **request)
        return answer


def _answers(file: BinaryIO, **request: Any) -> Generator[Answer]:
    with borrowed() as child:
        for facts, body in child.ask(file, request):
            if facts.get("error") == "MemoryError":  # what was read before may have left little: it is of no more use
                raise TakesTooMuchError
            if "error" in facts:
                break
            if not facts:
                return
            yield facts, body
    _raise(**facts)


def _raise(error: str, detail: str = "", errno: int | None = None) -> None:
    if error == "OSError":
        raise OSError(errno, detail)
    raise _FAULTS[error](detail)
