"""A short clip from drawn frames, the way a camera records one."""

from __future__ import annotations

import io
from collections.abc import Iterable
from fractions import Fraction

import av
import numpy as np
from PIL import Image

from cameras.simulation.canvas import HEIGHT, WIDTH

FRAMES_PER_SECOND = 5


def mp4(frames: Iterable[Image.Image]) -> bytes:
    """H.264 in MP4, `FRAMES_PER_SECOND` frames a second."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options={"preset": "veryfast", "crf": "24"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.time_base = Fraction(1, FRAMES_PER_SECOND)
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(frame))))
        container.mux(stream.encode(None))
    return buffer.getvalue()
