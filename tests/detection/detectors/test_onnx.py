from __future__ import annotations

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from django.test import override_settings
from onnx import TensorProto
from PIL import Image

from detection.detectors.model_file import MAX_MODEL_BYTES
from detection.detectors.onnx import OnnxDetector, from_settings
from detection.detectors.onnx_interface import ModelUnusableError, class_names
from detection.model_store import manifest, store
from hsi.errors import AIServiceAnswerError, AIServiceError, MediaError
from tests.detection.detectors.models import (
    brightness_model,
    constant_model,
    image_input,
    inverse_model,
    queries,
    sized_model,
)
from tests.detection.pictures import encoded, jpeg, of_file, plain

WIDE = (200, 100)
BOX = (0.5, 0.5, 0.5, 0.25)


@pytest.fixture(autouse=True)
def _threshold():
    with override_settings(DETECTION_CONFIDENCE_THRESHOLD=0.5):
        yield


def edges(found):
    return pytest.approx((found.box.x, found.box.y, found.box.width, found.box.height), abs=1e-5)


def test_an_export_with_logits_is_understood(tmp_path):
    path = constant_model(tmp_path / "m.onnx", queries((0, 0.9, BOX), (2, 0.7, (0.1, 0.1, 0.2, 0.2)), (5, 0.3, BOX)))
    person, car = OnnxDetector(path).detect(plain(WIDE))
    assert (person.label, car.label) == ("person", "car")
    assert (person.confidence, car.confidence) == pytest.approx((0.9, 0.7), abs=1e-5)
    assert edges(person) == (0.25, 0.375, 0.5, 0.25)
    assert edges(car) == (0.0, 0.0, 0.2, 0.2)


def test_an_export_with_labels_boxes_and_scores_is_understood(tmp_path):
    path = sized_model(tmp_path / "m.onnx", [[0.1, 0.2, 0.5, 0.6], [0, 0, 1, 1]], [16, 0], [0.8, 0.4])
    (dog,) = OnnxDetector(path).detect(plain(WIDE))
    assert dog.label == "dog"
    assert dog.confidence == pytest.approx(0.8)
    assert edges(dog) == (0.1, 0.2, 0.4, 0.4)


@pytest.mark.parametrize("scale", [1.0, 64.0])
def test_boxes_without_a_second_input_may_be_relative_or_in_pixels_of_the_input(tmp_path, scale):
    boxes = np.array([[[0.1, 0.2, 0.5, 0.6]]], np.float32) * np.float32(scale)
    outputs = {"labels": np.array([[0]]), "boxes": boxes, "scores": np.array([[0.8]], np.float32)}
    (person,) = OnnxDetector(constant_model(tmp_path / "m.onnx", outputs)).detect(plain(WIDE))
    assert edges(person) == (0.1, 0.2, 0.4, 0.4)


def test_class_names_in_the_model_win(tmp_path):
    outputs = queries((1, 0.9, BOX), classes=2)
    path = constant_model(tmp_path / "m.onnx", outputs, names="{0: 'cat', 1: 'Postbox'}")
    assert [found.label for found in OnnxDetector(path).detect(plain())] == ["postbox"]


@pytest.mark.parametrize(
    ("classes", "index", "label"), [(80, 2, "car"), (91, 3, "car"), (90, 2, "car"), (91, 12, "class 12")]
)
def test_models_of_80_90_and_91_classes_count_differently(tmp_path, classes, index, label):
    path = constant_model(tmp_path / "m.onnx", queries((index, 0.9, BOX), classes=classes))
    assert [found.label for found in OnnxDetector(path).detect(plain())] == [label]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{0: 'a', 1: 'b'}", {0: "a", 1: "b"}),
        ('{"0": "a"}', {0: "a"}),
        ("['a', 'b']", {0: "a", 1: "b"}),
        ("", None),
        ("[]", None),
        ("'abc'", None),
        ("7", None),
        ("{'x': 'a'}", None),
        ("__import__('os')", None),
        ("(" * 5000, None),
    ],
)
def test_class_names_are_read_as_data_or_not_at_all(text, names):
    assert class_names({"names": text}) == names
    assert class_names({"id2label": text}) == names


def test_the_model_sees_red_green_and_blue_in_zero_to_one(tmp_path):
    detector = OnnxDetector(brightness_model(tmp_path / "m.onnx"))
    blue = of_file(encoded(Image.new("RGB", (320, 200), (0, 51, 255)), "PNG"))
    (found,) = detector.detect(blue)
    assert found.label == "blue"
    assert found.confidence == pytest.approx(1 / (1 + np.exp(-1.0)), abs=1e-4)


def test_an_input_of_any_size_is_given_640(tmp_path):
    detector = OnnxDetector(brightness_model(tmp_path / "m.onnx"))
    assert detector.check() == "m.onnx: rtdetr, input 640x640"


def test_an_input_that_is_not_square_is_heeded(tmp_path):
    path = sized_model(tmp_path / "m.onnx", [[0.1, 0.2, 0.5, 0.6]], [0], [0.8], (1, 3, 32, 64))
    (found,) = OnnxDetector(path).detect(plain(WIDE))
    assert edges(found) == (0.1, 0.2, 0.4, 0.4)


def test_half_precision_is_fed_as_such(tmp_path):
    outputs = {name: value.astype(np.float16) for name, value in queries((0, 0.9, BOX)).items()}
    path = constant_model(tmp_path / "m.onnx", outputs, image=image_input(kind=TensorProto.FLOAT16))
    assert len(OnnxDetector(path).detect(plain())) == 1


def test_impossible_numbers_from_a_model_are_dropped(tmp_path):
    outputs = queries((0, 0.9, BOX), (0, 0.8, BOX), (0, 0.7, BOX))
    outputs["logits"][0, 0] = np.nan
    outputs["pred_boxes"][0, 1] = np.inf
    (found,) = OnnxDetector(constant_model(tmp_path / "m.onnx", outputs)).detect(plain())
    assert found.confidence == pytest.approx(0.7, abs=1e-5)


@pytest.mark.parametrize(
    "outputs",
    [
        {"logits": np.zeros((1, 2, 80), np.float32), "pred_boxes": np.zeros((1, 3, 4), np.float32)},
        {"logits": np.zeros((2, 80), np.float32), "pred_boxes": np.zeros((1, 2, 4), np.float32)},
        {"logits": np.zeros((1, 2, 0), np.float32), "pred_boxes": np.zeros((1, 2, 4), np.float32)},
        {"labels": np.zeros((1, 2)), "boxes": np.zeros((1, 2, 4), np.float32), "scores": np.zeros((1, 3), np.float32)},
        {"labels": np.zeros(2), "boxes": np.zeros((2, 4), np.float32), "scores": np.zeros(2, np.float32)},
    ],
)
def test_outputs_of_wrong_shapes_are_an_error_never_an_empty_list(tmp_path, outputs):
    with pytest.raises(ModelUnusableError, match=r"m\.onnx"):
        OnnxDetector(constant_model(tmp_path / "m.onnx", outputs)).detect(plain())


def files(tmp_path: Path) -> dict[str, Path]:
    """Model files that cannot be used, by what is wrong with them."""
    made = {
        name: tmp_path / f"{name}.onnx"
        for name in ("missing", "folder", "empty", "text", "outputs", "inputs", "cut", "pipe", "large")
    }
    made["folder"].mkdir()
    made["empty"].write_bytes(b"")
    made["text"].write_text("this is not a model")
    constant_model(made["outputs"], {"output0": np.zeros((1, 85, 10), np.float32)})
    constant_model(made["inputs"], queries((0, 0.9, BOX)), image=image_input((1, 1, 64, 64)))
    os.mkfifo(made["pipe"])
    with made["large"].open("wb") as file:
        file.truncate(MAX_MODEL_BYTES + 1)
    whole = Path(constant_model(tmp_path / "whole.onnx", queries((0, 0.9, BOX)))).read_bytes()
    made["cut"].write_bytes(whole[: len(whole) // 2])
    return made


@pytest.mark.parametrize("fault", ["missing", "folder", "empty", "text", "outputs", "inputs", "cut", "pipe", "large"])
def test_a_file_that_cannot_be_used_is_a_clear_error_at_check_and_at_detect(tmp_path, fault):
    detector = OnnxDetector(str(files(tmp_path)[fault]))
    for call in (detector.check, lambda: detector.detect(plain())):
        with pytest.raises(ModelUnusableError) as caught:
            call()
        assert not caught.value.counts
        assert len(caught.value.detail) > 20


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("missing", "cannot be read"),
        ("text", "no ONNX model"),
        ("cut", "incomplete"),
        ("outputs", r"output0 \(1, 85, 10\)"),
        ("inputs", "3 colours"),
        ("pipe", "not a regular file"),
        ("large", "a model has at most 2,147,483,648"),
    ],
)
def test_the_error_names_the_file_the_fault_and_what_to_do(tmp_path, fault, words):
    path = files(tmp_path)[fault]
    with pytest.raises(ModelUnusableError, match=words) as caught:
        OnnxDetector(str(path)).check()
    assert str(path) in caught.value.detail
    assert "get_model" in caught.value.detail


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ((2, 3, 64, 64), "2 pictures at a time"),
        ((1, 3, 8, 64), "64x8 pixels"),
        ((1, 3, 64, 9000), "9000x64 pixels"),
        ((1, 5, 64, 64), "3 colours"),
    ],
)
def test_an_input_that_cannot_be_fed_is_a_clear_error(tmp_path, image, words):
    path = constant_model(tmp_path / "m.onnx", queries((0, 0.9, BOX)), image=image_input(image))
    with pytest.raises(ModelUnusableError, match=words):
        OnnxDetector(path).check()


def test_a_model_that_answers_with_no_numbers_is_an_error_never_an_empty_list(tmp_path):
    outputs = queries(*[(0, 0.9, BOX)] * 4)
    outputs["logits"][0, :2] = np.nan
    with pytest.raises(ModelUnusableError, match="2 of the model's 4 scores are not numbers"):
        OnnxDetector(constant_model(tmp_path / "m.onnx", outputs)).detect(plain())


def test_a_device_is_not_read_as_a_model():
    with pytest.raises(ModelUnusableError, match="not a regular file"):
        OnnxDetector("/dev/zero").check()


def test_a_model_that_breaks_on_one_picture_only_blames_that_picture(tmp_path):
    detector = OnnxDetector(inverse_model(tmp_path / "m.onnx"))
    detector.check()
    with pytest.raises(AIServiceAnswerError, match="not numbers"):
        detector.detect(of_file(jpeg(colour=(0, 0, 0))))


def test_of_ten_thousand_objects_the_best_are_kept_quickly(tmp_path):
    places = np.random.default_rng(1).random((10_000, 2))
    outputs = queries(*[(0, 0.9, (x, y, 0.01, 0.01)) for x, y in places])
    detector = OnnxDetector(constant_model(tmp_path / "m.onnx", outputs))
    detector.check()
    picture = plain()
    started = time.process_time()
    assert len(detector.detect(picture)) == 300
    assert time.process_time() - started < 1.0


def test_one_van_is_one_object(tmp_path):
    outputs = queries((2, 0.9, BOX), (7, 0.8, BOX), (5, 0.7, BOX), (0, 0.6, BOX))
    labels = [found.label for found in OnnxDetector(constant_model(tmp_path / "m.onnx", outputs)).detect(plain())]
    assert labels == ["car", "person"]


def test_the_version_is_the_family_and_the_hash_of_the_file(tmp_path):
    path = Path(constant_model(tmp_path / "m.onnx", queries((0, 0.9, BOX))))
    detector = OnnxDetector(str(path))
    assert detector.version == ""
    detector.check()
    assert detector.version == f"rtdetr {hashlib.sha256(path.read_bytes()).hexdigest()}"


def test_a_model_of_few_classes_without_names_is_given_no_names_of_coco(tmp_path):
    path = constant_model(tmp_path / "m.onnx", queries((1, 0.9, BOX), classes=3))
    assert [found.label for found in OnnxDetector(path).detect(plain())] == ["class 1"]


def test_a_fetched_file_that_was_changed_is_refused(tmp_path):
    with override_settings(DATA_DIR=tmp_path):
        store.folder().mkdir()
        path = constant_model(store.path_of(manifest.YOLOX_NANO), queries((0, 0.9, BOX)))
        with pytest.raises(ModelUnusableError, match="not the one of the manifest"):
            OnnxDetector(path).check()


def test_a_file_that_arrives_later_is_taken(tmp_path):
    detector = OnnxDetector(str(tmp_path / "m.onnx"))
    with pytest.raises(ModelUnusableError):
        detector.check()
    constant_model(tmp_path / "m.onnx", queries((0, 0.9, BOX)))
    assert len(detector.detect(plain())) == 1


def test_a_model_that_fails_while_running_is_an_error(tmp_path):
    path = constant_model(tmp_path / "m.onnx", queries((0, 0.9, BOX)), image=image_input((2, 3, 64, 64)))
    with pytest.raises(AIServiceError):
        OnnxDetector(path).detect(plain())


def test_what_is_no_picture_is_an_error(tmp_path):
    detector = OnnxDetector(constant_model(tmp_path / "m.onnx", queries((0, 0.9, BOX))))
    with pytest.raises(MediaError):
        detector.detect(of_file(b"no picture"))


def test_threads_share_one_session(tmp_path):
    detector = OnnxDetector(brightness_model(tmp_path / "m.onnx"))
    colours = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
    pictures = [of_file(encoded(Image.new("RGB", (90, 60), colour))) for colour in colours.values()]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(detector.detect, pictures * 6))
    assert [found.label for (found,) in answers] == list(colours) * 6


def test_the_setting_names_the_file_and_closing_lets_go_of_it(tmp_path):
    path = constant_model(tmp_path / "m.onnx", queries((0, 0.9, BOX)))
    with override_settings(DETECTOR_MODEL=path):
        detector = from_settings()
    assert len(detector.detect(plain())) == 1
    detector.close()
    assert len(detector.detect(plain())) == 1
