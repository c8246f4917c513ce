"""A process that cannot decode: it ends as one whose libraries are broken. For tests alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

from cameras.media import decoder_child


def _without_library(file: BinaryIO, **options: Any) -> Iterator[decoder_child.Reply]:
    raise ImportError("libavcodec.so.62: cannot open shared object file")
    yield {}, b""


if __name__ == "__main__":
    decoder_child.TASKS["image"] = decoder_child.TASKS["clip"] = _without_library
    decoder_child.main(*map(int, sys.argv[1:4]))
