"""A process that cannot decode: it ends as one whose libraries are broken. For tests alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

from cameras.media import decoder_child


def _without_library(file: BinaryIO, **options: Any) -> Iterator[decoder_child.Answer]:
    raise ImportError("libavcodec.so.62: cannot open shared object file")
    yield {}, b""


if __name__ == "__main__":
    decoder_child.WORK["image"] = decoder_child.WORK["clip"] = _without_library
    decoder_child.main(*map(int, sys.argv[1:4]))
