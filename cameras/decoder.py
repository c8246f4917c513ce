"""Decoding of what cameras send, in processes of their own with limited memory and processor time.

A file that ends its decoder, by a fault of a library or by what it costs, ends nothing else: it is told from the
others and refused. The processes are started when they are needed, kept for the next file, and end with this one.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, BinaryIO

import numpy as np
from django.conf import settings

from cameras import decoderwire, media, video
from hsi.errors import MediaError

# By the wall, so long a file may take: it may lie on a slow share.
PATIENCE_SECONDS = 600.0
# Processes that are kept while there is nothing to do.
MOST_IDLE = 2
END_SECONDS = 5.0
_FAULTS = {fault.__name__: fault for fault in (MediaError, *media.MediaFaultError.__subclasses__())}
Answer = tuple[dict[str, Any], bytes]


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
    facts, thumbnail = _only(file, work="clip", name=name, max_bytes=max_bytes, max_pixels=max_pixels)
    return video.Clip(**facts, thumbnail=thumbnail)


def sample(file: BinaryIO, *, interval_seconds: float, max_frames: int, max_pixels: int) -> Generator[video.Frame]:
    """`video.sample` in a process of its own: a frame at a time. Raises as `read_image` does."""
    options = {"interval_seconds": interval_seconds, "max_frames": max_frames, "max_pixels": max_pixels}
    with contextlib.closing(_answers(file, work="frames", **options)) as answers:
        for facts, pixels in answers:
            shape = (facts["height"], facts["width"], 3)
            yield video.Frame(facts["offset_seconds"], np.frombuffer(pixels, np.uint8).reshape(shape))


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
    """One process that decodes, one file at a time."""

    def __init__(self) -> None:
        self._peer, theirs = socket.socketpair()
        self._peer.settimeout(PATIENCE_SECONDS)
        limits = (theirs.fileno(), settings.DECODER_CPU_SECONDS, settings.DECODER_MEMORY_BYTES)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 (our own program)
                [sys.executable, "-m", "cameras.decoder_child", *map(str, limits)],
                cwd=settings.BASE_DIR,
                env={"PATH": os.defpath, "OPENBLAS_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

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
