"""Pictures a second with a local model on one core, against decoding the same files and running the model alone."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from django.conf import settings
from django.test import override_settings
from PIL import Image

from cameras.media.picture import Picture
from cameras.models import Upload
from detection.detectors.onnx import LoadedModel, load, run
from detection.detectors.preprocessing import canvas, fitted_size
from detection.loops import loops
from detection.model_store.fetch import fetch
from detection.model_store.manifest import YOLOX_NANO
from detection.models import Detection
from tests.bench import backlog
from tests.bench.figure import Figure, compared
from tests.bench.intake import full_hd_still
from tests.engines.environment import ROOT

PICTURES, ROUNDS = 40, 7
SMALL = (640, 360)
# Where the model is looked for before its public address.
SOURCE = ROOT.parent / "shared" / "models"


def figures() -> Iterator[Figure]:
    """The real worker, one picture at a time, on waiting uploads of two sizes."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # the decoder inherits this
    with override_settings(MODEL_SOURCE=os.environ.get("BENCH_MODEL_SOURCE") or str(SOURCE)):
        path = fetch(YOLOX_NANO).path
    large = full_hd_still()
    yield from measured("640x360", path, reduced(large))
    yield from measured("1080p", path, large)


def measured(name: str, path: Path, still: bytes) -> Iterator[Figure]:
    folder = settings.DATA_DIR / name
    folder.mkdir()
    before = Detection.objects.count()
    with override_settings(DETECTOR="onnx", DETECTOR_MODEL=str(path), DETECTION_CONCURRENCY=1, DATA_DIR=folder):
        model = load(str(path))
        stored(still)  # loads the model and starts the decoder
        yield compared(
            f"{YOLOX_NANO.name} on one core, {name}, to stored detections", "pictures/s",
            lambda: PICTURES / stored(still), lambda: PICTURES / alone(model, still),
            rounds=ROUNDS, at_least=0.7,
        )  # fmt: skip
    assert Detection.objects.count() > before
    assert not Upload.objects.waiting().exists()


def reduced(still: bytes) -> bytes:
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(still)) as image:
        image.resize(SMALL).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def stored(still: bytes) -> float:
    """Seconds in which the detection worker ends waiting uploads."""
    backlog.queue(backlog.waiting_uploads(PICTURES, [still]))
    worker = loops()[0]
    began = time.perf_counter()
    worker.run(drain=True)
    assert worker.done == PICTURES
    return time.perf_counter() - began


def alone(model: LoadedModel, still: bytes) -> float:
    """Seconds in which this thread decodes as many, as small as the model needs them, and runs the model."""
    interface = model.family.interface
    began = time.perf_counter()
    for _ in range(PICTURES):
        with Image.open(io.BytesIO(still)) as image:
            image.draft("RGB", fitted_size(image.size, interface.size))
            pixels = np.asarray(image.convert("RGB"))
        drawn = canvas(Picture(pixels=pixels), interface.size, letterbox=True)
        run(model.session, interface, model.family.preprocessing.values(drawn.pixels)[np.newaxis])
    return time.perf_counter() - began
