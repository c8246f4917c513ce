"""Pixels for local detectors: decoded no larger than they are looked at.

A JPEG can be decoded at 1/2, 1/4 or 1/8 for the cost of the smaller picture; at 1080p a full decode
would cost as much as the detection itself.
"""

from __future__ import annotations

import io
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cameras.picture import Picture
from hsi.errors import MediaError


def reduced(picture: Picture, least: tuple[int, int], mode: Literal["L", "RGB"]) -> Image.Image:
    """The picture in `mode`, at a size that is cheap to decode and not below `least` (width, height).

    Pixels that the picture has already are used as they are. Raises `MediaError`.
    """
    if "pixels" in picture.__dict__:
        return Image.fromarray(picture.pixels).convert(mode)
    try:
        with Image.open(io.BytesIO(picture.encoded)) as image:
            image.draft(mode, least)
            return image.convert(mode)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise MediaError(f"cannot be decoded: {error}") from error


def as_array(image: Image.Image) -> NDArray[np.uint8]:
    """Shape (height, width) or (height, width, 3)."""
    return np.asarray(image, dtype=np.uint8)
