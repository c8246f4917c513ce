"""The process that decodes: `python -m cameras.decoder_child SOCKET CPU_SECONDS MEMORY_BYTES`. See `cameras.decoder`.

It has no settings, no database and no secret, writes no file, and ends with the one who asked. What a hostile file
makes of it stays here.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from cameras import decoderwire, media
from hsi.errors import MediaError

_OPEN_FILES = 64
Answer = tuple[dict[str, Any], bytes]


def main(handle: int, cpu_seconds: int, memory_bytes: int) -> None:
    """Answer until the other side is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):  # they are for the one who asks: it may still wait for an answer
        signal.signal(number, signal.SIG_IGN)
    limit(memory_bytes)
    with socket.socket(fileno=handle) as peer, contextlib.suppress(EOFError, ConnectionError):
        while True:
            request, _, descriptor = decoderwire.receive(peer)
            assert descriptor is not None  # noqa: S101 (each request comes with its file)
            with os.fdopen(descriptor, "rb") as file:
                for header, body in answers(file, cpu_seconds, **request):
                    decoderwire.send(peer, header, body)


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
        end = {"error": "OSError", "errno": error.errno, "detail": str(error)}
    except MemoryError:
        end = {"error": "MemoryError"}
    yield end, b""


def budget(cpu_seconds: int) -> None:
    """From now on, so much time of a processor: then the kernel ends this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime) + cpu_seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))


def _image(file: BinaryIO, **options: Any) -> Iterator[Answer]:
    yield _whole(media.read_image(file, **options))


def _clip(file: BinaryIO, **options: Any) -> Iterator[Answer]:
    from cameras import video

    yield _whole(video.inspect(file, **options))


def _frames(file: BinaryIO, **options: Any) -> Iterator[Answer]:
    from cameras import video

    for frame in video.sample(file, **options):
        height, width, _ = frame.pixels.shape
        yield {"offset_seconds": frame.offset_seconds, "width": width, "height": height}, frame.pixels.tobytes()


def _whole(found: Any) -> Answer:
    facts = dataclasses.asdict(found)
    thumbnail: bytes = facts.pop("thumbnail")
    if facts.get("exif_time"):
        facts["exif_time"] = facts["exif_time"].isoformat()
    return facts, thumbnail


WORK = {"image": _image, "clip": _clip, "frames": _frames}

if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
