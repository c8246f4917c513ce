"""Pictures and clips for tests, drawn here and put where a camera would put them."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import av
import numpy as np
from django.conf import settings
from PIL import Image

from cameras.models import Camera, Upload
from tests import factories

RED, GREEN, BLUE = (220, 30, 30), (30, 200, 60), (30, 60, 220)


def jpeg(size: tuple[int, int] = (640, 480), colour: tuple[int, int, int] = GREEN) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def clip(colours: list[tuple[int, int, int]], size: tuple[int, int] = (64, 48), rate: int = 1) -> bytes:
    """An MP4 that shows each colour for one frame."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for colour in colours:
            pixels = np.full((size[1], size[0], 3), colour, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()


def stored(content: bytes, name: str = "picture.jpg", of: Camera | None = None, **values: Any) -> Upload:
    """An upload whose file lies in its camera's folder with this content."""
    of = of or factories.camera()
    path = put(settings.CAMERA_ROOT / of.folder / name, content)
    status = path.stat()
    facts = {
        "path": f"{of.folder}/{name}",
        "size": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    return factories.upload(of, **{**facts, **values})


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def shown(content: bytes) -> Image.Image:
    """The picture of a response's body."""
    return Image.open(io.BytesIO(content)).convert("RGB")


def looks_like(pixel: Any, colour: tuple[int, int, int]) -> bool:
    """Whether a pixel has about this colour, for JPEG changes it a little."""
    return all(abs(have - want) < 40 for have, want in zip(pixel, colour, strict=True))
