"""A picture as the detectors see it: upright, encoded or as pixels, each made at most once."""

from __future__ import annotations

import io
from functools import cached_property
from typing import BinaryIO

import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from PIL import Image

from cameras.media import decoder
from cameras.media.render import Mode, Size


class Picture:
    """One picture of `size`, (width, height), from an open file or from a decoded frame.

    Remote detectors take `encoded`, local ones take `reduced` or `pixels`. Whichever was not given is made on first
    use. A file is read by the process that decodes, which raises `content.OtherContentError` where its content is not
    the one of `sha256`, and other `MediaError`s. The file stays open for as long as the picture is used.
    `size`, as a person sees the picture, spares the look into the file where intake has read it before.
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
        if pixels is not None:
            self.__dict__["pixels"] = pixels
        if size is not None:
            self.__dict__["size"] = size

    @cached_property
    def encoded(self) -> bytes:
        """The picture as a JPEG or PNG file: the camera's own bytes where nothing needs to be turned."""
        if self._file is not None:
            found = decoder.upright(self._file, sha256=self._sha256, max_pixels=settings.IMAGE_MAX_PIXELS)
            self.__dict__["size"] = found.size
            return found.encoded
        buffer = io.BytesIO()
        Image.fromarray(self.pixels).save(buffer, "JPEG", quality=90)
        return buffer.getvalue()

    @cached_property
    def pixels(self) -> NDArray[np.uint8]:
        """RGB, shape (height, width, 3)."""
        return np.asarray(self.reduced(None, "RGB"), dtype=np.uint8)

    def reduced(self, least: Size | None, mode: Mode) -> Image.Image:
        """The picture at a size that is cheap to decode and not below `least` (width, height); None: as it is.

        A JPEG can be decoded at 1/2, 1/4 or 1/8 for the cost of the smaller picture; at 1080p a full decode would
        cost as much as the detection itself. Pixels that the picture has already are used as they are.
        """
        if "pixels" in self.__dict__ or self._file is None:
            return Image.fromarray(self.pixels).convert(mode)
        wanted = decoder.Wanted(mode=mode, least=least)
        found = decoder.pixels(self._file, sha256=self._sha256, max_pixels=settings.IMAGE_MAX_PIXELS, **wanted)
        self.__dict__["size"] = found.size
        return found.image

    @cached_property
    def size(self) -> Size:
        """(width, height) in pixels."""
        if self._file is None or "pixels" in self.__dict__:
            return self.pixels.shape[1], self.pixels.shape[0]
        return decoder.pixels(self._file, sha256=self._sha256, max_pixels=settings.IMAGE_MAX_PIXELS, most=(1, 1)).size

    @cached_property
    def content_type(self) -> str:
        """`image/jpeg` or `image/png`, from the first bytes of `encoded`."""
        return "image/png" if self.encoded.startswith(b"\x89PNG") else "image/jpeg"
