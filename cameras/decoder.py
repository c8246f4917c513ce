"""Decoding of what cameras send, in processes of their own with limited memory and processor time.

A file that ends its decoder, by a fault of a library or by what it costs, ends nothing else: it is told from the
others and refused. The processes are started when they are needed, kept for the next file, and end with this one.
Whatever looks at a camera's bytes asks here: no other process decodes one, and what is decoded has the content that
was taken in.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any, BinaryIO, TypedDict, Unpack

import numpy as np
from django.conf import settings
from PIL import Image

from cameras import content, decoderwire, media, render, sandbox, video
from hsi.errors import MediaError

logger = logging.getLogger(__name__)

# By the wall, so long a file may take: it may lie on a slow share.
PATIENCE_SECONDS = 600.0
# Processes that are kept while there is nothing to do.
MOST_IDLE = 2
END_SECONDS = 5.0
_FAULTS = {
    fault.__name__: fault for fault in (MediaError, content.OtherContentError, *media.MediaFaultError.__subclasses__())
}
Answer = tuple[dict[str, Any], bytes]


class Wanted(TypedDict, total=False):
    """What of a picture is wanted: see `render.pixels`."""

    mode: render.Mode
    least: render.Size | None
    box: render.Box | None
    most: render.Size | None


class KillsDecoderError(media.MediaFaultError):
    """The file ends the process that decodes it."""

    reason = "kills_decoder"
    retryable = True


class TooCostlyError(KillsDecoderError):
    """Decoding takes more than a process that decodes may have."""

    retryable = False


def read_image(file: BinaryIO, *, name: str, max_bytes: int, max_pixels: int) -> media.Still:
    """`media.read_image` in a process of its own. Raises a `MediaFaultError`; an `OSError` is a failure to read."""
    facts, thumbnail = _only(file, work="image", name=name, max_bytes=max_bytes, max_pixels=max_pixels)
    taken = facts.pop("exif_time")
    return media.Still(**facts, thumbnail=thumbnail, exif_time=datetime.fromisoformat(taken) if taken else None)


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
    with contextlib.closing(_answers(file, work="frames", sha256=sha256, known=known, **options)) as answers:
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


def walls() -> sandbox.Walls:
    """What keeps the processes that decode from our files. One is started where there is none. May raise `OSError`."""
    with _borrowed() as child:
        return child.walls


def _frame(facts: dict[str, Any], pixels: bytes) -> video.Frame:
    shape = (facts["height"], facts["width"], 3)
    return video.Frame(facts["offset_seconds"], np.frombuffer(pixels, np.uint8).reshape(shape))


def _only(file: BinaryIO, **request: Any) -> Answer:
    """The one result. A process that was ended before it answered may have been so by chance: another one is asked."""
    try:
        [answer] = _answers(file, **request)
    except TooCostlyError:
        raise
    except KillsDecoderError:
        [answer] = _answers(file, **request)
    return answer


def _answers(file: BinaryIO, **request: Any) -> Generator[Answer]:
    with _borrowed() as child:
        for facts, body in child.ask(file, request):
            if "error" in facts:
                break
            if not facts:
                return
            yield facts, body
    _raise(**facts)


def _raise(error: str, detail: str = "", errno: int | None = None) -> None:
    if error == "OSError":
        raise OSError(errno, detail)
    if error == "MemoryError":
        raise TooCostlyError("decoding takes more memory than DECODER_MEMORY_BYTES")
    raise _FAULTS[error](detail)


class _Child:
    """One process that decodes, one file at a time. Raises `OSError` where none can be started: no file is at fault."""

    program = "cameras.decoder_child"

    def __init__(self) -> None:
        self._peer, theirs = socket.socketpair()
        self._peer.settimeout(PATIENCE_SECONDS)
        limits = (theirs.fileno(), settings.DECODER_CPU_SECONDS, settings.DECODER_MEMORY_BYTES)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 (our own program)
                [sys.executable, "-m", self.program, *map(str, limits)],
                cwd=settings.BASE_DIR,
                env={"PATH": os.defpath, "OPENBLAS_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        try:
            facts, _, _ = decoderwire.receive(self._peer)
        except (OSError, EOFError) as error:
            self.end()
            raise OSError("the decoder cannot be started: files wait") from error
        self.walls = sandbox.Walls(**facts)
        if not self.walls.files:
            _warn_of_no_walls()

    def ask(self, file: BinaryIO, request: dict[str, Any]) -> Iterator[Answer]:
        """Its results; the last has no facts or an error. Raises `KillsDecoderError`, or `OSError` for want of one."""
        file.seek(0)
        try:
            decoderwire.send(self._peer, request, file=file.fileno())
            while True:
                facts, body, _ = decoderwire.receive(self._peer)
                yield facts, body
                if not facts or "error" in facts:
                    return
        except TimeoutError as error:
            raise OSError(f"no answer of the decoder within {PATIENCE_SECONDS:.0f} s") from error
        except (EOFError, ConnectionError) as error:
            raise self._death() from error

    def _death(self) -> Exception:
        """What its end says of the file: SIGKILL comes from outside, as when the machine is short of memory."""
        try:
            status = self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            return OSError("the decoder says nothing more and does not end: the file is tried again")
        if status == -signal.SIGKILL:
            return OSError("the decoder was killed: the file is tried again")
        if status == -signal.SIGXCPU:
            return TooCostlyError(f"decoding takes longer than {settings.DECODER_CPU_SECONDS} s of a processor")
        ended = signal.Signals(-status).name if status < 0 else f"status {status}"
        return KillsDecoderError(f"the decoder ended with {ended}")

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        self._peer.close()
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # it waits for a disk that does not answer
            self._process.wait(END_SECONDS)


@cache
def _warn_of_no_walls() -> None:
    """Once a process."""
    logger.warning("What decodes the cameras' files is not kept from reading ours: see `manage.py check`")


_idle: list[_Child] = []
_lock = threading.Lock()
os.register_at_fork(after_in_child=_idle.clear)


@contextmanager
def _borrowed() -> Iterator[_Child]:
    """A process for one request. One that was left in the middle of it is of no use any more."""
    with _lock:
        child = _idle.pop() if _idle else None
    if child and not child.lives:
        child.end()
        child = None
    child = child or _Child()
    try:
        yield child
    except BaseException:
        child.end()
        raise
    with _lock:
        if len(_idle) < MOST_IDLE:
            _idle.append(child)
            return
    child.end()
