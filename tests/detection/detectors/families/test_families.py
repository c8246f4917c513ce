from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from django.test import override_settings
from onnx import TensorProto

from detection.detectors.families import FAMILIES, family
from detection.detectors.families.family import STRIDES, grid
from detection.detectors.onnx import OnnxDetector, load, open_session
from detection.detectors.onnx_interface import ModelUnusableError, read_interface
from tests.detection.detectors.families import outputs as made
from tests.detection.detectors.models import constant_model, image_input, queries, sized_model
from tests.detection.pictures import jpeg, of_file, plain

pytestmark = pytest.mark.one_engine
BOX = (0.5, 0.5, 0.5, 0.25)
# A picture twice as wide as high covers the upper half of a letterboxed input.
WIDE = (256, 128)


@pytest.fixture(autouse=True)
def _own_thresholds():
    with override_settings(DETECTION_CONFIDENCE_THRESHOLD=0):
        yield


def model_file(path, outputs, *, image=(1, 3, made.EDGE, made.EDGE), kind=TensorProto.FLOAT, names=""):
    return constant_model(path, outputs, image=image_input(image, kind), names=names)


def edges(found):
    box = found.box
    return pytest.approx((box.x, box.y, box.x + box.width, box.y + box.height), abs=1e-4)


def in_wide(*edges_in_pixels):
    """Edges in pixels of the input as shares of a picture that covers its upper half."""
    left, top, right, bottom = edges_in_pixels
    return left / 128, top / 64, right / 128, bottom / 64


@pytest.mark.parametrize(
    ("family", "outputs"),
    [
        ("rtdetr", queries((0, 0.9, BOX))),
        ("rfdetr", made.rfdetr(1, 0.9, BOX)),
        ("yolox", made.yolox(0, 0.9, 0.9)),
        ("yolox", made.yolox(0, 0.9, 0.9, classes=1)),
        ("yolo", made.yolo(0, 0.9)),
        ("yolo", made.yolo(0, 0.9, classes=1)),
        ("ssd", made.ssd((1, 2, 3, 4, 0.9, 0))),
        ("nanodet", made.nanodet(0, 0.9)),
        ("nanodet", made.nanodet(0, 0.9, bins=8, classes=1)),
    ],
)
def test_a_family_is_known_by_its_outputs(tmp_path, family, outputs):
    assert load(model_file(tmp_path / "m.onnx", outputs)).family.name == family


def test_the_export_with_labels_boxes_and_scores_is_known(tmp_path):
    assert load(sized_model(tmp_path / "m.onnx", [[0, 0, 1, 1]], [0], [0.9])).family.name == "dfine"


def test_every_family_has_a_name_and_a_threshold_of_its_own():
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    thresholds = {family.name: family.threshold for family in FAMILIES}
    assert (thresholds["yolox"], thresholds["nanodet"], thresholds["ssd"]) == (0.4, 0.4, 0.3)


@pytest.mark.parametrize(
    "outputs",
    [
        {"output": np.zeros((1, 1000), np.float32)},  # a classifier
        {"output": np.zeros((1, 84, 85), np.float32)},  # the grid of another input
        {"output0": np.zeros((1, 3 * made.ROWS, 85), np.float32)},  # YOLOv5
        {"detections": np.zeros((1, 5, 7), np.float32)},
        {"output": np.zeros((1, 32, 8, 8), np.float32)},
        {"a": np.zeros((1, 256, 44), np.float32), "b": np.zeros((1, 256, 44), np.float32)},
        {"output0": made.yolo(0, 0.9)["output0"], "output1": np.zeros((1, 32, 8, 8), np.float32)},  # outlines
    ],
)
def test_a_model_of_another_kind_is_refused_with_its_outputs(tmp_path, outputs):
    with pytest.raises(ModelUnusableError, match="are of none of the families rtdetr"):
        OnnxDetector(model_file(tmp_path / "m.onnx", outputs)).detect(plain())


def test_a_pose_model_is_not_taken_for_one_of_more_classes(tmp_path):
    path = model_file(tmp_path / "m.onnx", made.yolo(0, 0.9, classes=52), names="{0: 'person'}")
    with pytest.raises(ModelUnusableError, match="none of the families"):
        load(path)


def test_yolox_boxes_are_relative_to_their_cell_and_scores_are_products(tmp_path):
    (person,) = OnnxDetector(model_file(tmp_path / "m.onnx", made.yolox(0, 0.9, 0.8))).detect(plain(WIDE))
    assert person.label == "person"
    assert person.confidence == pytest.approx(0.72)
    assert edges(person) == in_wide(18, 8, 34, 32)


@pytest.mark.parametrize("outputs", [made.yolox(0, 0.9, 0.8), made.nanodet(0, 0.9)], ids=["yolox", "nanodet"])
def test_the_grids_of_a_model_are_computed_once(tmp_path, monkeypatch, outputs):
    strides = []

    def counting(stride, interface):
        strides.append(stride)
        return grid(stride, interface)

    monkeypatch.setattr(family, "grid", counting)
    detector = OnnxDetector(model_file(tmp_path / "m.onnx", outputs))
    assert [len(detector.detect(plain(WIDE))) for _ in range(3)] == [1, 1, 1]
    assert strides == list(STRIDES)


@pytest.mark.parametrize(("objectness", "found"), [(0.45, 1), (0.35, 0)])
def test_yolox_is_cut_off_at_four_tenths(tmp_path, objectness, found):
    path = model_file(tmp_path / "m.onnx", made.yolox(0, objectness, 1.0))
    assert len(OnnxDetector(path).detect(plain())) == found


def test_yolo_boxes_are_in_pixels_of_the_input(tmp_path):
    (dog,) = OnnxDetector(model_file(tmp_path / "m.onnx", made.yolo(16, 0.8))).detect(plain(WIDE))
    assert dog.label == "dog"
    assert dog.confidence == pytest.approx(0.8)
    assert edges(dog) == in_wide(18, 8, 34, 32)


def test_a_yolo_in_half_precision_with_names_of_its_own(tmp_path):
    outputs = {name: value.astype(np.float16) for name, value in made.yolo(1, 0.8, classes=2).items()}
    path = model_file(tmp_path / "m.onnx", outputs, kind=TensorProto.FLOAT16, names="{0: 'cat', 1: 'postbox'}")
    (found,) = OnnxDetector(path).detect(plain(WIDE))
    assert found.label == "postbox"
    assert found.confidence == pytest.approx(0.8, abs=1e-3)


@pytest.mark.parametrize("bins", [8, 11])
def test_nanodet_distances_are_the_means_of_their_distributions(tmp_path, bins):
    (car,) = OnnxDetector(model_file(tmp_path / "m.onnx", made.nanodet(2, 0.7, bins))).detect(plain(WIDE))
    assert car.label == "car"
    assert car.confidence == pytest.approx(0.7)
    assert edges(car) == in_wide(27.5 - 8, 19.5 - 8, 27.5 + 16, 19.5 + 24)


def test_nanodet_scores_before_the_sigmoid_are_put_through_it(tmp_path):
    outputs = made.nanodet(2, 3.0)
    for stride in made.STRIDES:
        outputs[f"cls_{stride}"][outputs[f"cls_{stride}"] == 0] = -9.0
    (car,) = OnnxDetector(model_file(tmp_path / "m.onnx", outputs)).detect(plain(WIDE))
    assert car.confidence == pytest.approx(1 / (1 + np.exp(-3.0)))


@pytest.mark.parametrize("scale", [1, 128])
def test_ssd_rows_are_relative_or_in_pixels(tmp_path, scale):
    rows = [(0.25 * scale, 0.125 * scale, 0.5 * scale, 0.375 * scale, 0.35, 0), (0, 0, scale, scale, 0.29, 2)]
    (person,) = OnnxDetector(model_file(tmp_path / "m.onnx", made.ssd(*rows))).detect(plain(WIDE))
    assert person.label == "person"
    assert person.confidence == pytest.approx(0.35)
    assert edges(person) == in_wide(32, 16, 64, 48)


def test_rfdetr_counts_classes_as_coco_does(tmp_path):
    path = model_file(tmp_path / "m.onnx", made.rfdetr(3, 0.8, BOX))
    (car,) = OnnxDetector(path).detect(plain(WIDE))
    assert car.label == "car"
    assert car.confidence == pytest.approx(0.8, abs=1e-5)
    assert edges(car) == (0.25, 0.375, 0.75, 0.625)


def fed(path):
    """What the model sees of a picture with the colours (200, 100, 50), twice as wide as high: (3, 128, 128)."""
    session = open_session(Path(path).read_bytes())
    interface = read_interface(session)
    seen = []
    detector = OnnxDetector(path)
    model = detector._model()

    class Spy:
        def get_outputs(self):
            return session.get_outputs()

        def run(self, names, feeds):
            seen.append(feeds[interface.image_input])
            return session.run(names, feeds)

    detector._loaded = type(model)(Spy(), model.family, model.names, model.sha256)
    detector.detect(of_file(jpeg(WIDE, (200, 100, 50))))
    return seen[0][0]


@pytest.mark.parametrize(
    ("outputs", "top", "bottom"),
    [
        (queries((0, 0.9, BOX)), (200 / 255, 100 / 255, 50 / 255), (200 / 255, 100 / 255, 50 / 255)),
        (made.yolo(0, 0.9), (200 / 255, 100 / 255, 50 / 255), (114 / 255,) * 3),
        (made.yolox(0, 0.9, 0.9), (50, 100, 200), (114,) * 3),
        (made.ssd((1, 2, 3, 4, 0.9, 0)), (200, 100, 50), (114,) * 3),
        (
            made.rfdetr(0, 0.9, BOX),
            ((200 / 255 - 0.485) / 0.229, (100 / 255 - 0.456) / 0.224, (50 / 255 - 0.406) / 0.225),
            ((200 / 255 - 0.485) / 0.229, (100 / 255 - 0.456) / 0.224, (50 / 255 - 0.406) / 0.225),
        ),
        (
            made.nanodet(0, 0.9),
            ((50 - 103.53) / 57.375, (100 - 116.28) / 57.12, (200 - 123.675) / 58.395),
            ((114 - 103.53) / 57.375, (114 - 116.28) / 57.12, (114 - 123.675) / 58.395),
        ),
    ],
)
def test_each_family_is_fed_the_colours_and_the_shape_it_was_trained_on(tmp_path, outputs, top, bottom):
    seen = fed(model_file(tmp_path / "m.onnx", outputs))
    tolerance = 3 * max(abs(one) for one in top) / 100 + 0.03
    assert seen[:, 32, 64] == pytest.approx(top, abs=tolerance)
    assert seen[:, 96, 64] == pytest.approx(bottom, abs=tolerance)


def test_an_input_with_colours_last_is_fed_so(tmp_path):
    seen = fed(model_file(tmp_path / "m.onnx", made.ssd((1, 2, 3, 4, 0.9, 0)), image=(1, 128, 128, 3)))
    assert seen[32, 64] == pytest.approx((200, 100, 50), abs=4)


def test_an_input_that_is_not_square_keeps_the_pictures_shape(tmp_path):
    output = np.zeros((1, 8 * 4 + 4 * 2 + 2 * 1, 85), np.float32)
    output[0, 8 + 3, :6] = 0.5, 0.5, np.log(2), np.log(1), 0.9, 1.0  # centre (28, 12), 16 x 8 pixels
    path = model_file(tmp_path / "m.onnx", {"output": output}, image=(1, 3, 32, 64))
    (person,) = OnnxDetector(path).detect(plain(WIDE))
    assert edges(person) == (20 / 64, 8 / 32, 36 / 64, 16 / 32)


@pytest.mark.parametrize(
    ("image", "size", "cells"),
    [
        ((1, 3, 75, 100), (100, 75), 13 * 10 + 7 * 5 + 4 * 3),
        ((1, 3, "h", "w"), (640, 640), 80 * 80 + 40 * 40 + 20 * 20),
        (("n", 3, "h", "w"), (640, 640), 80 * 80 + 40 * 40 + 20 * 20),
    ],
)
def test_an_input_of_odd_or_free_size_has_its_own_grids(tmp_path, image, size, cells):
    output = np.zeros((1, cells, 85), np.float32)
    output[0, 0, :6] = 1, 1, np.log(2), np.log(2), 0.9, 1.0  # centre (8, 8), 16 x 16 pixels
    detector = OnnxDetector(model_file(tmp_path / "m.onnx", {"output": output}, image=image))
    (person,) = detector.detect(plain(size))
    assert edges(person) == (0, 0, 16 / size[0], 16 / size[1])


def test_every_family_refuses_outputs_that_are_not_numbers(tmp_path):
    for number, outputs in enumerate(
        (made.yolox(0, 0.9, 0.9), made.yolo(0, 0.9), made.nanodet(0, 0.9), made.ssd((1, 2, 3, 4, 0.9, 0)))
    ):
        broken = {name: np.full_like(value, np.nan) for name, value in outputs.items()}
        with pytest.raises(ModelUnusableError, match="not numbers"):
            OnnxDetector(model_file(tmp_path / f"{number}.onnx", broken)).detect(plain())


@pytest.mark.parametrize("logit", [-7.0, 9.0])
def test_an_export_that_ends_before_the_sigmoid_is_refused_not_blind(tmp_path, logit):
    outputs = made.yolo(0, 0.9)
    outputs["output0"][:, 4:] = logit
    with pytest.raises(ModelUnusableError, match="not numbers from 0 to 1"):
        load(model_file(tmp_path / "m.onnx", outputs))


def test_a_label_that_is_not_a_number_is_no_person(tmp_path):
    outputs = made.ssd((1, 2, 30, 40, 0.9, np.nan), (1, 2, 30, 40, 0.8, 16), (0, 0, 9, 9, 0.1, 0))
    detector = OnnxDetector(model_file(tmp_path / "m.onnx", outputs))
    assert [found.label for found in detector.detect(plain())] == ["dog"]
    assert detector._sieve.dropped == 1


def test_infinite_sizes_are_dropped_not_raised(tmp_path):
    outputs = made.yolox(0, 0.9, 0.9)
    outputs["output"][0, made.ROW, 2] = 1e6
    detector = OnnxDetector(model_file(tmp_path / "m.onnx", outputs))
    assert detector.detect(plain()) == []
    assert detector._sieve.dropped == 1
