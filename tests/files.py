"""Files as cameras upload them, made by the tests themselves."""

from __future__ import annotations

import io
import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageDraw


def jpeg(seed: int = 0, size: tuple[int, int] = (320, 180), quality: int = 85) -> bytes:
    """A JPEG; another `seed` gives other bytes."""
    image = Image.new("RGB", size, (40 + seed % 150, 90, 120))
    draw = ImageDraw.Draw(image)
    draw.text((10, 10), f"picture {seed}", fill="white")
    draw.rectangle((20, 40, 60 + seed % 50, 90), outline="red")
    return encoded(image, "JPEG", quality=quality)


def png(seed: int = 0, size: tuple[int, int] = (64, 48)) -> bytes:
    return encoded(Image.new("RGB", size, (seed % 255, 10, 10)), "PNG")


def encoded(image: Image.Image, kind: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def mp4(path: Path, *, frames: int = 10, rate: int = 5, size: tuple[int, int] = (160, 96), live: bool = False) -> Path:
    """A real H.264 clip of a moving square, in the container that the name asks for. `live`: it says no length."""
    with av.open(str(path), "w", options={"live": "1"} if live else {}) as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(frames):
            pixels = np.full((size[1], size[0], 3), 60, np.uint8)
            pixels[20:50, number * 4 : number * 4 + 30] = 220
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def recording(
    path: Path,
    *,
    visits: list[tuple[float, float]],
    seconds: int = 600,
    rate: int = 2,
    rate_in_visits: int | None = None,
    size: tuple[int, int] = (160, 96),
    group: int = 4,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
) -> Path:
    """A long clip of a yard, in which a light figure walks at some times. `visits`: start and length, in seconds."""
    rows, columns = np.mgrid[: size[1], : size[0]]
    yard = (90 + 30 * np.sin(columns / 9) + 25 * np.cos(rows / 7)).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        stream.codec_context.gop_size, stream.codec_context.max_b_frames = group, 0
        stream.codec_context.time_base = Fraction(1, rate_in_visits or rate)
        for tick in range(seconds * (rate_in_visits or rate)):
            now = tick * float(stream.codec_context.time_base)
            since = next((now - start for start, length in visits if start <= now < start + length), None)
            if since is None and tick % ((rate_in_visits or rate) // rate):
                continue
            grey = yard.copy()
            if since is not None:
                side = size[1] // 4
                left = int(since * side / 4) % (size[0] - side)
                grey[side : 2 * side, left : left + side // 2] = 240
            frame = av.VideoFrame.from_ndarray(np.repeat(grey[..., None], 3, 2), format="rgb24")
            frame.pts, frame.time_base = tick, stream.codec_context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def costly_png(side: int, *, depth: int = 8) -> bytes:
    """A small file of a square picture that is slow to decode: each byte is to be predicted from three others."""
    rows = (b"\x04" + bytes(side * 3 * depth // 8)) * 100
    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(rows) for _ in range(side // 100)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side // 100 * 100, depth, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def corners(size: tuple[int, int] = (96, 64)) -> Image.Image:
    """Upright, with a colour of its own in each corner, so that every turn and mirror image can be told."""
    image = Image.new("RGB", size, (128, 128, 128))
    width, height = size[0] // 3, size[1] // 3
    colours = {(0, 0): "red", (1, 0): "lime", (0, 1): "blue", (1, 1): "yellow"}
    for (right, down), colour in colours.items():
        image.paste(
            colour, (right * (size[0] - width), down * (size[1] - height), *_far(size, right, down, width, height))
        )
    return image


def _far(size: tuple[int, int], right: int, down: int, width: int, height: int) -> tuple[int, int]:
    return (size[0] if right else width, size[1] if down else height)


# How an upright picture is stored so that the orientation of EXIF data turns it back.
STORED_AS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def turned(upright: Image.Image, orientation: int, kind: str = "JPEG") -> bytes:
    """A file of the picture that has to be turned by its EXIF data to be seen as it is."""
    method = STORED_AS[orientation]
    stored = upright if method is None else upright.transpose(method)
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    stored.save(buffer, kind, exif=exif, **({"quality": 95} if kind == "JPEG" else {}))
    return buffer.getvalue()


def turned_mp4(clip: bytes, matrix: tuple[int, int, int, int]) -> bytes:
    """The clip with another display matrix (a, b, c, d) in the head of its track."""
    one = 1 << 16
    straight = struct.pack(">9i", one, 0, 0, 0, one, 0, 0, 0, 1 << 30)
    at = clip.index(straight, clip.index(b"tkhd"))
    a, b, c, d = (number * one for number in matrix)
    return clip[:at] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + clip[at + len(straight) :]


def grey16(values: np.ndarray) -> bytes:
    """A 16-bit grey PNG."""
    return encoded(Image.fromarray(values.astype(np.uint16)), "PNG")
