from __future__ import annotations

import subprocess
import sys

import pytest
from django.test import override_settings

from detection.detectors import active, active_limits, condition, detectors, get_detector, problems, provenance
from detection.model_store import manifest, store
from hsi.errors import AIServiceUnavailableError
from tests.peers.detectors import RtDetrPeer

NOTHING = {"DETECTOR": "auto", "RTDETR_URL": "", "DETECTOR_MODEL": ""}


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "opencv"),
        ({"DETECTOR_MODEL": "/model.onnx"}, "onnx"),
        ({"DETECTOR_MODEL": "/yolov3-tiny.weights"}, "darknet"),
        ({"RTDETR_URL": "http://127.0.0.1:1"}, "rtdetr"),
        ({"RTDETR_URL": "http://127.0.0.1:1", "DETECTOR_MODEL": "/model.onnx"}, "rtdetr"),
        ({"RTDETR_URL": "http://127.0.0.1:1", "DETECTOR": "deepstack"}, "deepstack"),
        ({"RTDETR_URL": "http://127.0.0.1:1", "DETECTOR": "opencv"}, "opencv"),
        ({"DETECTOR": "detection.detectors.opencv.OpenCVDetector"}, "opencv"),
    ],
)
def test_the_settings_choose_the_detector(settings, name):
    with override_settings(**NOTHING | settings):
        assert get_detector().name == name
        assert get_detector() is get_detector()


@pytest.mark.parametrize(("model", "name"), [(manifest.YOLOX_NANO, "onnx"), (manifest.YOLOV3_TINY, "darknet")])
def test_a_fetched_model_is_used_before_opencv_and_after_what_is_set(tmp_path, model, name):
    with override_settings(**NOTHING | {"DATA_DIR": tmp_path}):
        assert detectors.chosen() == "opencv"
        store.folder().mkdir()
        with store.path_of(model).open("wb") as file:
            file.truncate(model.builds[0].size_bytes)
        assert (detectors.chosen(), get_detector().name) == (name, name)
        assert problems() == []
        with override_settings(DETECTOR=name):
            assert problems() == []
        with override_settings(RTDETR_URL="http://127.0.0.1:1"):
            assert detectors.chosen() == "rtdetr"
        with override_settings(DETECTOR_MODEL="/model.onnx"):
            assert detectors.chosen() == "onnx"


@pytest.mark.parametrize("name", sorted(detectors.names))
def test_every_detector_says_in_one_sentence_what_it_cannot_see(name):
    with override_settings(**NOTHING | {"DETECTOR": name, "RTDETR_URL": "http://127.0.0.1:1"}):
        detector = get_detector()
        limits = active_limits()
    assert detector.limits == limits
    assert limits.startswith("It finds ")
    assert limits.endswith(".")
    assert limits.count(". ") == 0
    assert provenance(detector) == name


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "opencv"),
        ({"DETECTOR": "onnx"}, "onnx with no model"),
        ({"DETECTOR_MODEL": "/srv/model.onnx"}, "onnx with model.onnx"),
        ({"RTDETR_URL": "http://me:secret@127.0.0.1:1"}, "rtdetr at http://me:********@127.0.0.1:1"),
        ({"DETECTOR": "tests.bench.instant.Instant"}, "tests.bench.instant.Instant"),
    ],
)
def test_the_active_detector_is_named_with_its_model_or_address(tmp_path, settings, words):
    with override_settings(**NOTHING | {"DATA_DIR": tmp_path} | settings):
        assert active() == words


def test_how_a_detector_is_includes_what_it_cannot_see():
    with override_settings(**NOTHING | {"DETECTOR": "opencv"}):
        words = condition(get_detector())
    assert words.startswith("HOG people detector of OpenCV 4.")
    assert words.endswith("almost no people at night.")


def test_a_detector_from_elsewhere_needs_neither_version_nor_limits():
    with override_settings(**NOTHING | {"DETECTOR": "tests.bench.instant.Instant"}):
        assert provenance(get_detector()) == "instant"
        assert condition(get_detector()) == "answers at once."


class Unrelated:
    """No detector."""


def test_a_class_that_is_no_detector_is_a_fault_of_the_settings():
    with override_settings(**NOTHING | {"DETECTOR": f"{__name__}.Unrelated"}):
        assert problems() == [f"DETECTOR='{__name__}.Unrelated' is not a subclass of detection.detectors.Detector."]


def test_a_changed_address_makes_a_new_detector():
    with RtDetrPeer() as one, RtDetrPeer() as other, override_settings(**NOTHING):
        with override_settings(RTDETR_URL=one.url):
            first = get_detector()
            first.check()
        with override_settings(RTDETR_URL=other.url):
            assert get_detector() is not first


def test_a_service_without_an_address_is_an_error_not_another_detector():
    with override_settings(**NOTHING | {"DETECTOR": "rtdetr"}), pytest.raises(AIServiceUnavailableError):
        get_detector()


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"DETECTOR": "rtdetr"}, "RTDETR_URL"),
        ({"DETECTOR": "deepstack"}, "RTDETR_URL"),
        ({"DETECTOR": "onnx"}, "get_model"),
        ({"DETECTOR": "darknet"}, "get_model"),
        ({"DETECTOR": "onnx", "DETECTOR_MODEL": "/nowhere/model.onnx"}, "/nowhere/model.onnx"),
        ({"DETECTOR_MODEL": "/nowhere/model.onnx"}, "not a file"),
        ({"DETECTOR": "yolo"}, "yolo"),
        ({"DETECTOR": "no.such.Detector"}, "no.such.Detector"),
        ({"DETECTOR": "detection.detectors.opencv.NoSuch"}, "NoSuch"),
    ],
)
def test_each_problem_of_the_settings_is_told_in_one_line(settings, word):
    with override_settings(**NOTHING | settings):
        (line,) = problems()
    assert word in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"RTDETR_URL": "http://127.0.0.1:1"},
        {"RTDETR_URL": "http://127.0.0.1:1", "DETECTOR": "deepstack"},
        {"DETECTOR_MODEL": __file__},
        {"DETECTOR": "detection.detectors.opencv.OpenCVDetector"},
    ],
)
def test_settings_that_fit_have_no_problems(settings):
    with override_settings(**NOTHING | settings):
        assert problems() == []


def test_every_name_can_be_loaded():
    assert all(callable(detectors.load(name)) for name in detectors.names)


def test_choosing_loads_no_library_that_is_not_used():
    code = "import sys, django; django.setup(); import detection.detectors as d\n"
    code += "d.detectors.chosen(); d.problems(); d.detectors.load('rtdetr')\n"
    code += "print([name for name in ('cv2', 'onnxruntime') if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "[]"
