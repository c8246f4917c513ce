"""The decoder process: `python -m cameras.media.decoder_child SOCKET CPU_SECONDS MEMORY_BYTES`.

It has no settings, no database and no secrets. It writes no file, opens only Python's own files, has no network access,
and ends with its client. A hostile file can only harm this process. See `decoder` for the client.
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
from PIL import Image, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin  # noqa: F401 (see `enter_sandbox`)

from cameras.files import content
from cameras.media import decoder_protocol, image_file, render, sandbox, transforms, video
from hsi.errors import MediaError

_MAX_OPEN_FILES = 64
Reply = tuple[dict[str, Any], bytes | memoryview]


def main(socket_descriptor: int, cpu_seconds: int, memory_bytes: int) -> None:
    """Send the restrictions of this process, then serve requests until the client is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):  # they are for the client, which may still wait for a reply
        signal.signal(number, signal.SIG_IGN)
    limit_resources(memory_bytes)
    restrictions = enter_sandbox()
    with socket.socket(fileno=socket_descriptor) as client, contextlib.suppress(EOFError, ConnectionError):
        decoder_protocol.send(client, dataclasses.asdict(restrictions))
        while True:
            request, _, descriptor = decoder_protocol.receive(client)
            assert descriptor is not None  # noqa: S101 (each request comes with its file)
            with os.fdopen(descriptor, "rb") as file:
                for header, body in replies(file, cpu_seconds, **request):
                    decoder_protocol.send(client, header, body)


def limit_resources(memory_bytes: int) -> None:
    """Limit memory and files. Limits that the system does not support are skipped."""
    for limit, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _MAX_OPEN_FILES),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(limit, (value, value))
    with contextlib.suppress(OSError):  # when memory is short, the kernel ends this process before the others
        Path("/proc/self/oom_score_adj").write_text("1000")


def enter_sandbox() -> sandbox.Restrictions:
    """Restrict this process. All decoders are imported by now.

    Only Python's folders stay readable, for the parts of libraries that are imported later.
    """
    return sandbox.enter({Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def replies(file: BinaryIO, cpu_seconds: int, task: str, **options: Any) -> Iterator[Reply]:
    """Yield the results of one request, then an empty reply, or the error that ended it."""
    last_header: dict[str, Any] = {}
    limit_cpu_time(cpu_seconds)
    try:
        for result in TASKS[task](file, **options):
            yield result
            limit_cpu_time(cpu_seconds)
    except MediaError as error:
        last_header = {"error": type(error).__name__, "detail": error.detail}
    except OSError as error:
        is_out_of_memory = error.errno == errno.ENOMEM
        last_header = {"error": "MemoryError"} if is_out_of_memory else _os_error(error)
    except MemoryError:
        last_header = {"error": "MemoryError"}
    yield last_header, b""


def _os_error(error: OSError) -> dict[str, Any]:
    return {"error": "OSError", "errno": error.errno, "detail": str(error)}


def limit_cpu_time(cpu_seconds: int) -> None:
    """Have the kernel end this process after this much processor time from now on."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(usage.ru_utime + usage.ru_stime) + cpu_seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


def _read_image(file: BinaryIO, **options: Any) -> Iterator[Reply]:
    yield _info_reply(image_file.read_image(file, **options))


def _inspect_clip(file: BinaryIO, **options: Any) -> Iterator[Reply]:
    yield _info_reply(video.inspect_clip(file, **options))


def _render_pixels(file: BinaryIO, **options: Any) -> Iterator[Reply]:
    picture = render.render_pixels(file, **options)
    image = picture.image
    yield {"size": picture.size, "mode": image.mode, "image_size": image.size}, image.tobytes()


def _render_upright(file: BinaryIO, **options: Any) -> Iterator[Reply]:
    upright = render.render_upright(file, **options)
    yield {"size": upright.size}, upright.encoded


def _sample_frames(file: BinaryIO, sha256: str, is_verified: bool, **options: Any) -> Iterator[Reply]:
    with content.verified(file, sha256, is_verified=is_verified):
        for frame in video.sample_frames(file, **options).steps():
            yield _frame_reply(frame) if frame else ({"is_progress": True}, b"")


def _frame_at(
    file: BinaryIO, sha256: str, is_verified: bool, offset_seconds: float, most: tuple[int, int], **options: Any
) -> Iterator[Reply]:
    with content.verified(file, sha256, is_verified=is_verified):
        frame = video.frame_at(file, offset_seconds, **options)
    small = transforms.shrink_to_fit(Image.fromarray(frame.pixels), most)
    yield _frame_reply(dataclasses.replace(frame, pixels=np.asarray(small)))


def _frame_reply(frame: video.Frame) -> Reply:
    height, width, _ = frame.pixels.shape
    header = {
        "offset_seconds": frame.offset_seconds, "width": width, "height": height,
        "sampling": frame.sampling and dataclasses.asdict(frame.sampling), "in_motion": frame.in_motion,
    }  # fmt: skip
    return header, np.ascontiguousarray(frame.pixels).data


def _info_reply(info: image_file.ImageInfo | video.ClipInfo) -> Reply:
    header = dataclasses.asdict(info)
    thumbnail: bytes = header.pop("thumbnail")
    if header.get("exif_time"):
        header["exif_time"] = header["exif_time"].isoformat()
    return header, thumbnail


TASKS: dict[str, Callable[..., Iterator[Reply]]] = {
    "image": _read_image,
    "clip": _inspect_clip,
    "pixels": _render_pixels,
    "upright": _render_upright,
    "frames": _sample_frames,
    "frame": _frame_at,
}

if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
