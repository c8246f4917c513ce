"""The process that decodes: `python -m cameras.media.decoder_child SOCKET CPU_SECONDS MEMORY_BYTES`. See `decoder`.

It has no settings, no database and no secret, writes no file, opens none but Python's own, reaches no network, and
ends with the one who asked. What a hostile file makes of it stays here.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import resource
import signal
import socket
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin  # noqa: F401 (see `enter`)

from cameras.files import content
from cameras.media import decoder_wire, image_file, render, sandbox, video
from hsi.errors import MediaError

_OPEN_FILES = 64
Answer = tuple[dict[str, Any], bytes | memoryview]


def main(handle: int, cpu_seconds: int, memory_bytes: int) -> None:
    """Say what keeps this process from files, then answer until the other side is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):  # they are for the one who asks: it may still wait for an answer
        signal.signal(number, signal.SIG_IGN)
    limit(memory_bytes)
    walls = enter()
    with socket.socket(fileno=handle) as peer, contextlib.suppress(EOFError, ConnectionError):
        decoder_wire.send(peer, dataclasses.asdict(walls))
        while True:
            request, _, descriptor = decoder_wire.receive(peer)
            assert descriptor is not None  # noqa: S101 (each request comes with its file)
            with os.fdopen(descriptor, "rb") as file:
                for header, body in answers(file, cpu_seconds, **request):
                    decoder_wire.send(peer, header, body)


def limit(memory_bytes: int) -> None:
    """What a system does not know of stays unlimited."""
    for what, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (most, most))
    with contextlib.suppress(OSError):  # short of memory, the kernel ends this process before those that are needed
        Path("/proc/self/oom_score_adj").write_text("1000")


def enter() -> sandbox.Walls:
    """What decodes is loaded by now. Parts of libraries that load themselves later stay readable, and nothing else."""
    return sandbox.enter({Path(sysconfig.get_path(of)) for of in ("stdlib", "platstdlib", "purelib", "platlib")})


def answers(file: BinaryIO, cpu_seconds: int, work: str, **options: Any) -> Iterator[Answer]:
    """The results of one request, then one without a result, or with the error that ended it."""
    end: dict[str, Any] = {}
    budget(cpu_seconds)
    try:
        for result in WORK[work](file, **options):
            yield result
            budget(cpu_seconds)
    except MediaError as error:
        end = {"error": type(error).__name__, "detail": error.detail}
    except OSError as error:
        out_of_memory = error.errno == errno.ENOMEM
        end = {"error": "MemoryError"} if out_of_memory else _failure(error)
    except MemoryError:
        end = {"error": "MemoryError"}
    yield end, b""


def _failure(error: OSError) -> dict[str, Any]:
    return {"error": "OSError", "errno": error.errno, "detail": str(error)}


def budget(cpu_seconds: int) -> None:
    """From now on, so much time of a processor: then the kernel ends this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime) + cpu_seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))


def _image(file: BinaryIO, **options: Any) -> Iterator[Answer]:
    yield _whole(image_file.read_image(file, **options))


def _clip(file: BinaryIO, **options: Any) -> Iterator[Answer]:
    yield _whole(video.inspect(file, **options))


def _pixels(file: BinaryIO, **options: Any) -> Iterator[Answer]:
    rendered = render.pixels(file, **options)
    yield {"size": rendered.size, "mode": rendered.image.mode, "shown": rendered.image.size}, rendered.image.tobytes()


def _upright(file: BinaryIO, **options: Any) -> Iterator[Answer]:
    found = render.upright(file, **options)
    yield {"size": found.size}, found.encoded


def _frames(file: BinaryIO, sha256: str, known: bool, **options: Any) -> Iterator[Answer]:
    with content.held(file, sha256, known=known):
        for frame in video.sample(file, **options):
            yield _frame(frame)


def _frame_at(
    file: BinaryIO, sha256: str, known: bool, offset_seconds: float, most: tuple[int, int], **options: Any
) -> Iterator[Answer]:
    with content.held(file, sha256, known=known):
        frame = video.frame_at(file, offset_seconds, **options)
    small = render.shrunk(Image.fromarray(frame.pixels), most)
    yield _frame(dataclasses.replace(frame, pixels=np.asarray(small)))


def _frame(frame: video.Frame) -> Answer:
    height, width, _ = frame.pixels.shape
    facts = {"offset_seconds": frame.offset_seconds, "every_seconds": frame.every_seconds}
    return {**facts, "width": width, "height": height}, np.ascontiguousarray(frame.pixels).data


def _whole(found: Any) -> Answer:
    facts = dataclasses.asdict(found)
    thumbnail: bytes = facts.pop("thumbnail")
    if facts.get("exif_time"):
        facts["exif_time"] = facts["exif_time"].isoformat()
    return facts, thumbnail


WORK: dict[str, Callable[..., Iterator[Answer]]] = {
    "image": _image,
    "clip": _clip,
    "pixels": _pixels,
    "upright": _upright,
    "frames": _frames,
    "frame": _frame_at,
}

if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
