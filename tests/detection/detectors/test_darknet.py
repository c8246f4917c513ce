from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from django.test import override_settings

from detection.detectors import darknet
from detection.detectors.darknet import DarknetDetector, from_settings, network
from detection.detectors.onnx_interface import ModelUnusableError
from detection.model_store.manifest import YOLOV3_TINY, Build
from detection.model_store.store import sha256_of
from tests.detection.pictures import plain

pytestmark = pytest.mark.one_engine


@pytest.fixture(scope="module")
def zeros(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights that are all 0: every cell is half an object, and half of every class."""
    path = tmp_path_factory.mktemp("darknet") / "zeros.weights"
    with path.open("wb") as file:
        file.truncate(YOLOV3_TINY.builds[0].size_bytes)
    return path


@pytest.fixture
def _zeros_are_known(monkeypatch: pytest.MonkeyPatch, zeros: Path) -> None:
    build = Build(zeros.stat().st_size, sha256_of(zeros))
    monkeypatch.setattr(darknet, "YOLOV3_TINY", replace(YOLOV3_TINY, builds=(build,)))


@pytest.mark.usefixtures("_zeros_are_known")
def test_the_network_reads_a_weights_file_of_the_right_size(zeros):
    detector = DarknetDetector(str(zeros))
    assert detector.version == ""
    with override_settings(DETECTION_CONFIDENCE_THRESHOLD=0.2):
        found = detector.detect(plain((416, 416)))
    assert detector.check() == "zeros.weights: yolov3-tiny, input 416x416"
    assert detector.version == f"yolov3-tiny {sha256_of(zeros)}"
    assert {one.label for one in found} == {"person"}
    assert found[0].confidence == pytest.approx(0.25)
    # The boxes of the two grids, of the sizes of the anchors, about the middles of their cells.
    widths = {round(one.box.width * 416) for one in found}
    assert widths & {23, 37, 58, 81, 135}


@pytest.mark.usefixtures("_zeros_are_known")
def test_a_letterboxed_picture_gets_its_boxes_back_in_its_own_shape(zeros):
    with override_settings(DETECTION_CONFIDENCE_THRESHOLD=0.2):
        wide = DarknetDetector(str(zeros)).detect(plain((400, 200)))
    shapes = {round(one.box.height / one.box.width, 1) for one in wide if one.box.y > 0 and one.box.x > 0}
    assert round(27 / 23 * 2, 1) in shapes


def test_the_networks_text_has_the_layers_of_the_original():
    sections = [line for line in network().splitlines() if line.startswith("[")]
    assert sections.count("[convolutional]") == 13
    assert sections.count("[maxpool]") == 6
    assert sections.count("[yolo]") == 2


def test_other_files_are_refused_by_name_and_with_what_to_do(tmp_path, zeros):
    short = tmp_path / "short.weights"
    short.write_bytes(b"short")
    for path in (zeros, short, tmp_path / "missing.weights", tmp_path):
        detector = DarknetDetector(str(path))
        for call in (detector.check, lambda detector=detector: detector.detect(plain())):
            with pytest.raises(ModelUnusableError, match="get_model yolov3-tiny") as caught:
                call()
            assert str(path) in caught.value.detail


def test_a_network_that_fails_is_an_error(zeros, monkeypatch):
    build = Build(zeros.stat().st_size, sha256_of(zeros))
    monkeypatch.setattr(darknet, "YOLOV3_TINY", replace(YOLOV3_TINY, builds=(build,)))
    monkeypatch.setattr(darknet, "network", lambda: "[net]\nwidth=416\n[nonsense]\n")
    with pytest.raises(ModelUnusableError, match="OpenCV cannot read"):
        DarknetDetector(str(zeros)).check()


def test_the_setting_or_the_store_names_the_file(tmp_path):
    with override_settings(DETECTOR_MODEL="/srv/tiny.weights"):
        assert from_settings().path == "/srv/tiny.weights"
    with override_settings(DETECTOR_MODEL="", DATA_DIR=tmp_path):
        assert from_settings().path == str(tmp_path / "models" / "yolov3-tiny.weights")
