"""Pictures a second from file to stored detections, against decoding and detecting the same files and no more."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from PIL import Image

from cameras.files.tree import Tree
from cameras.intake.accept import IntakeResult, accept_file
from cameras.media.picture import Picture
from cameras.models import Upload
from cameras.simulation.runner import demo_cameras, load_test_uploads
from detection.detectors import get_detector
from detection.loops import loops
from detection.models import Detection
from tests.bench.figure import Figure, compared

PICTURES, ROUNDS, CAMERAS = 24, 9, 4


def figures() -> Iterator[Figure]:
    """The real worker on waiting uploads, and the bare detector on as many threads."""
    began = datetime.now(UTC) - timedelta(seconds=PICTURES * ROUNDS / CAMERAS)
    files = load_test_uploads(demo_cameras(settings.CAMERA_ROOT, CAMERAS, 1), began)
    batches = [list(islice(files, PICTURES)) for _ in range(ROUNDS)]
    ours, bare = iter(batches), iter(batches)
    detected([path.read_bytes() for path in batches[0][:2]])  # loads the detector
    yield compared(
        "640x360, file to stored detections", "pictures/s",
        lambda: PICTURES / stored(next(ours)), lambda: PICTURES / alone(next(bare)),
        rounds=ROUNDS, at_least=0.85,
    )  # fmt: skip
    assert Detection.objects.count() > PICTURES * ROUNDS / 2
    assert not Upload.objects.waiting().exists()


def stored(files: list[Path]) -> float:
    """Seconds in which the detection worker ends every one of `files`, which wait for it."""
    tree = Tree(settings.CAMERA_ROOT)
    for path in files:
        outcome = accept_file(tree, str(path.relative_to(settings.CAMERA_ROOT)), final=True)
        assert outcome is IntakeResult.ACCEPTED
    worker = loops()[0]
    began = time.perf_counter()
    worker.run(drain=True)
    assert worker.done == len(files)
    return time.perf_counter() - began


def alone(files: list[Path]) -> float:
    """Seconds in which the detector alone looks at them, on as many threads as the worker has."""
    began = time.perf_counter()
    with ThreadPoolExecutor(settings.DETECTION_CONCURRENCY) as pool:
        for _ in pool.map(lambda path: detected([path.read_bytes()]), files):
            pass
    return time.perf_counter() - began


def detected(pictures: list[bytes]) -> int:
    return sum(len(get_detector().detect(Picture(pixels=decoded(encoded)))) for encoded in pictures)


def decoded(encoded: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(encoded)) as image:
        return np.asarray(image.convert("RGB"))
