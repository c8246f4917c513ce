"""YOLOv3-tiny with its real weights, on pictures of the simulated cameras."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest
from django.test import override_settings

from cameras.simulation.runner import PICTURES_PER_SCENE, demo_cameras, load_test_uploads
from detection.detectors import detectors, get_detector, provenance
from detection.model_store.manifest import YOLOV3_TINY
from tests.detection.pictures import of_file
from tests.engines.weights import FOLDER, real_weights

# One lane, so that two processes do not download the same file.
pytestmark = [pytest.mark.one_engine, pytest.mark.xdist_group("real_weights")]


def test_the_weights_of_the_second_source_find_people_by_day_and_night_and_cars(tmp_path: Path) -> None:
    cameras = demo_cameras(tmp_path, 3, 1)  # front door and driveway by day, garden by night
    files = load_test_uploads(cameras, datetime(2026, 3, 1, 12, tzinfo=UTC))
    assert real_weights().is_file()
    with override_settings(DETECTOR="auto", DETECTOR_MODEL="", RTDETR_URL="", DATA_DIR=FOLDER):
        assert detectors.chosen() == "darknet"
        detector = get_detector()
        found = [detector.detect(of_file(path.read_bytes())) for path in islice(files, 3 * PICTURES_PER_SCENE)]
        assert provenance(detector) == f"darknet yolov3-tiny {YOLOV3_TINY.builds[0].sha256}"
    labels = [{one.label for one in objects} for objects in found]
    front_door, driveway, garden = (labels[camera::3] for camera in range(3))
    # The last picture of each scene is without actors.
    assert front_door == garden == [{"person"}] * (PICTURES_PER_SCENE - 1) + [set()]
    assert driveway.count({"person", "car"}) >= 3
    assert "person" not in driveway[-1]
