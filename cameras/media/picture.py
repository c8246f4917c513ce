"""A picture for the detectors: upright, encoded or as pixels. Each form is made at most once."""

from __future__ import annotations

import io
from functools import cached_property
from typing import BinaryIO

import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from PIL import Image

from cameras.media import decoder
from cameras.media.render import Mode
from cameras.media.transforms import Size


class Picture:
    """One picture, from an open file or from a decoded frame.

    Remote detectors use `encoded`, local ones `reduced` or `pixels`. A missing form is made on first use. The decoder
    reads the file, and raises `content.ContentChangedError` unless it has the hash `sha256`, or another `MediaError`.
    The file must stay open while the picture is used. Pass the upright `size` if intake has read it before.
    """

    def __init__(
        self,
        *,
        file: BinaryIO | None = None,
        sha256: str | None = None,
        pixels: NDArray[np.uint8] | None = None,
        size: Size | None = None,
    ) -> None:
        self._file, self._sha256 = file, sha256
        self._reduced: Image.Image | None = None
        if pixels is not None:
            self.__dict__["pixels"] = pixels
        if size is not None:
            self.__dict__["size"] = size

    @cached_property
    def encoded(self) -> bytes:
        """The picture as an upright JPEG or PNG file: the camera's own bytes if they are upright already."""
        if self._file is not None:
            upright = decoder.render_upright(self._file, sha256=self._sha256, max_pixels=settings.IMAGE_MAX_PIXELS)
            self.__dict__["size"] = upright.size
            return upright.encoded
        buffer = io.BytesIO()
        Image.fromarray(self.pixels).save(buffer, "JPEG", quality=90)
        return buffer.getvalue()

    @cached_property
    def pixels(self) -> NDArray[np.uint8]:
        """RGB, shape (height, width, 3)."""
        return np.asarray(self.reduced(None, "RGB"), dtype=np.uint8)

    def reduced(self, least: Size | None, mode: Mode) -> Image.Image:
        """Return the picture at a size that is cheap to decode, but not below `least` (width, height). None: full size.

        A JPEG can be decoded at 1/2, 1/4 or 1/8 of its size for the cost of the smaller picture. At 1080p a full decode
        would cost as much as the detection itself. Existing pixels are used as they are.
        """
        if "pixels" in self.__dict__ or self._file is None:
            return Image.fromarray(self.pixels).convert(mode)
        rendered = decoder.render_pixels(
            self._file, sha256=self._sha256, max_pixels=settings.IMAGE_MAX_PIXELS, mode=mode, least=least
        )
        self.__dict__["size"] = rendered.size
        self._reduced = rendered.image
        return rendered.image

    def small(self, least: Size) -> Image.Image:
        """Return the picture, grey or RGB, as it was decoded last, or else not below the size `least`."""
        return self._reduced if self._reduced is not None else self.reduced(least, "L")

    @cached_property
    def size(self) -> Size:
        """(width, height) in pixels."""
        if self._file is None or "pixels" in self.__dict__:
            return self.pixels.shape[1], self.pixels.shape[0]
        return decoder.render_pixels(
            self._file, sha256=self._sha256, max_pixels=settings.IMAGE_MAX_PIXELS, most=(1, 1)
        ).size

    @cached_property
    def content_type(self) -> str:
        """`image/jpeg` or `image/png`, from the first bytes of `encoded`."""
        return "image/png" if self.encoded.startswith(b"\x89PNG") else "image/jpeg"
