"""Pictures for the detectors' tests, drawn, so that what is in them is known."""

from __future__ import annotations

import io
import tempfile
from typing import BinaryIO, cast

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from cameras.media.picture import Picture

Colour = tuple[int, int, int]


def jpeg(size: tuple[int, int] = (64, 48), colour: Colour = (90, 120, 150)) -> bytes:
    return encoded(Image.new("RGB", size, colour))


def encoded(image: Image.Image, kind: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def of_file(encoded: bytes) -> Picture:
    """A picture as it comes from a camera's file. Closed with the last reference to it."""
    file = tempfile.TemporaryFile()  # noqa: SIM115
    file.write(encoded)
    file.flush()
    return Picture(file=cast(BinaryIO, file))


def plain(size: tuple[int, int] = (64, 48)) -> Picture:
    return of_file(jpeg(size))


def scene(size: tuple[int, int], person_height: float | None, *, night: bool = False) -> Image.Image:
    """A yard with a house and a tree, and a person `person_height` of the picture tall, right of the middle."""
    width, height = size
    image = Image.new("RGB", size, (170, 175, 170))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, height * 0.6, width, height), fill=(130, 132, 130))
    draw.rectangle((width * 0.05, height * 0.1, width * 0.3, height * 0.6), fill=(140, 120, 110))
    draw.rectangle((width * 0.12, height * 0.35, width * 0.2, height * 0.6), fill=(90, 60, 40))
    draw.rectangle((width * 0.79, height * 0.2, width * 0.81, height * 0.65), fill=(90, 80, 60))
    draw.ellipse((width * 0.72, height * 0.02, width * 0.88, height * 0.3), fill=(60, 110, 60))
    if person_height is not None:
        draw_person(draw, width * 0.55, height * (0.92 - person_height), height * person_height)
    return weather(image.filter(ImageFilter.GaussianBlur(0.8)), night=night)


def draw_person(draw: ImageDraw.ImageDraw, x: float, y: float, height: float) -> None:
    """Head, torso, arms and legs; `x` is the middle, `y` the top."""
    u = height / 8
    coat, trousers = (50, 45, 90), (30, 30, 30)
    draw.ellipse((x - u * 0.45, y, x + u * 0.45, y + u * 1.1), fill=(190, 150, 120))
    draw.rounded_rectangle((x - u * 0.9, y + u * 1.2, x + u * 0.9, y + u * 4.2), u * 0.4, fill=coat)
    for side in (-1, 1):
        arm = (x + side * u * 0.85, y + u * 1.5, x + side * u * 1.2, y + u * 4.2)
        leg = (x + side * u * 0.4, y + u * 4, x + side * u * 0.7, y + u * 8)
        draw.line(arm, fill=coat, width=int(u * 0.5))
        draw.line(leg, fill=trousers, width=int(u * 0.7))


def weather(image: Image.Image, *, night: bool) -> Image.Image:
    """The noise of a sensor, always the same; by night also a third of the light."""
    values = np.asarray(image, dtype=np.float64) * (0.35 if night else 1.0)
    values += np.random.default_rng(1).normal(0, 5, values.shape)
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
