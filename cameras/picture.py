"""A picture as the detectors see it: encoded bytes, pixels, or both, each made at most once."""

from __future__ import annotations

import io
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hsi.errors import MediaError


class Picture:
    """One picture of `width` x `height` pixels, from a file's bytes or from a decoded frame.

    Remote detectors take `encoded` (the camera's own bytes: nothing is decoded), local ones take
    `pixels`. Whichever was not given is made on first use. Raises `MediaError` when it cannot be.
    `size`, (width, height), spares the look into the header where intake has read it before.
    """

    def __init__(
        self,
        *,
        encoded: bytes | None = None,
        pixels: NDArray[np.uint8] | None = None,
        size: tuple[int, int] | None = None,
    ) -> None:
        if encoded is not None:
            self.__dict__["encoded"] = encoded
        if pixels is not None:
            self.__dict__["pixels"] = pixels
        if size is not None:
            self.__dict__["size"] = size

    @cached_property
    def encoded(self) -> bytes:
        """The picture as a JPEG or PNG file."""
        buffer = io.BytesIO()
        Image.fromarray(self.pixels).save(buffer, "JPEG", quality=90)
        return buffer.getvalue()

    @cached_property
    def pixels(self) -> NDArray[np.uint8]:
        """RGB, shape (height, width, 3)."""
        try:
            with Image.open(io.BytesIO(self.encoded)) as image:
                return np.asarray(image.convert("RGB"))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise MediaError(f"cannot be decoded: {error}") from error

    @cached_property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels, from the header where the pixels were not needed yet."""
        if "pixels" in self.__dict__:
            return self.pixels.shape[1], self.pixels.shape[0]
        try:
            with Image.open(io.BytesIO(self.encoded)) as image:
                return image.size
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise MediaError(f"cannot be decoded: {error}") from error

    @cached_property
    def content_type(self) -> str:
        """`image/jpeg` or `image/png`, from the first bytes of `encoded`."""
        return "image/png" if self.encoded.startswith(b"\x89PNG") else "image/jpeg"
