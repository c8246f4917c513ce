from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from django.test import override_settings
from PIL import Image

from cameras.media.picture import Picture
from detection.detectors.opencv import OpenCVDetector, confidence, people, working_factor
from hsi.errors import AIServiceUnavailableError, MediaError
from tests.detection.pictures import encoded, of_file, scene

SIZES = [(640, 360), (768, 576), (1280, 720), (1920, 1080), (360, 640)]


@pytest.fixture(scope="module")
def detector():
    with override_settings(DETECTION_CONFIDENCE_THRESHOLD=0.5):
        yield OpenCVDetector()


def seen(size=(640, 360), height=0.5, **options):
    return of_file(encoded(scene(size, height, **options)))


def test_opencv_has_its_people_detector():
    assert hasattr(cv2, "HOGDescriptor"), "opencv 5 has none; something has replaced opencv-python-headless 4"


@pytest.mark.parametrize("night", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_a_drawn_person_is_found_where_it_stands(detector, size, night):
    best, *others = detector.detect(seen(size, 0.5, night=night))
    assert best.label == "person"
    assert 0.5 <= best.confidence < 0.99
    assert best.box.x < 0.55 < best.box.x + best.box.width
    assert best.box.y + best.box.height / 2 == pytest.approx(0.67, abs=0.12)
    assert best.box.height == pytest.approx(0.5, abs=0.2)
    assert others == []


@pytest.mark.parametrize("night", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_nobody_is_found_where_nobody_is(detector, size, night):
    assert detector.detect(seen(size, None, night=night)) == []


def test_a_small_picture_is_looked_at_enlarged(detector):
    assert len(detector.detect(seen((320, 240), 0.5))) == 1


def test_decoded_frames_and_files_give_the_same(detector):
    pixels = np.asarray(scene((640, 360), 0.5))
    (frame,) = detector.detect(Picture(pixels=pixels))
    (file,) = detector.detect(of_file(encoded(Image.fromarray(pixels), "PNG")))
    assert (frame.label, frame.box) == (file.label, file.box)
    assert frame.confidence == pytest.approx(file.confidence, abs=0.02)


@pytest.mark.parametrize("size", [(1, 1), (30, 30), (5000, 1), (1, 5000), (63, 127), (1, 128)])
def test_pictures_of_odd_sizes_are_empty_not_errors(detector, size):
    assert detector.detect(of_file(encoded(Image.new("RGB", size)))) == []


def test_a_cut_picture_is_an_error_never_an_empty_list(detector):
    whole = seen().encoded
    with pytest.raises(MediaError):
        detector.detect(of_file(whole[: len(whole) // 2]))


def test_threads_share_a_detector_and_each_gets_its_own_answer(detector):
    with_person, without = seen(), seen(height=None)
    alone = detector.detect(with_person)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(detector.detect, [with_person, without] * 8))
    assert answers == [alone, []] * 8


def test_a_large_picture_is_not_decoded_in_full(detector, monkeypatch):
    picture = of_file(encoded(scene((1920, 1080), 0.5)))
    sizes = []
    resize = cv2.resize

    def watched(image, *arguments, **options):
        sizes.append(image.shape)
        return resize(image, *arguments, **options)

    monkeypatch.setattr(cv2, "resize", watched)
    assert len(detector.detect(picture)) == 1
    assert sizes == [(540, 960)]
    assert "pixels" not in picture.__dict__


@pytest.mark.parametrize(
    ("size", "factor"),
    [((1536, 864), 0.5), ((768, 576), 1.0), ((640, 360), 1.0), ((700, 20), 1.0), ((320, 240), 2.0), ((100, 100), 2.0)],
)
def test_the_working_copy_is_bounded_both_ways(size, factor):
    assert working_factor(size) == pytest.approx(factor)


def test_margins_become_confidences_that_rise_and_stay_within_zero_and_one():
    values = confidence(np.array([-1e9, 0.0, 0.7, 2.0, 5.0, 1e9]))
    assert values[2] == pytest.approx(0.5)
    assert values[3] == pytest.approx(0.786, abs=0.001)
    assert (np.diff(values) > 0).all()
    assert values[0] >= 0
    assert values[-1] <= 1


def test_of_two_windows_on_one_person_the_surer_is_kept():
    claims = people([[0, 0, 64, 128], [4, 4, 64, 128], [300, 0, 64, 128]], [1.0, 3.0, 2.0], 1.0, 1.0)
    assert [round(claim.left) for claim in claims] == [10, 306]


def test_the_box_is_the_person_without_the_windows_surroundings():
    (claim,) = people([[100, 200, 100, 200]], [2.0], 0.5, 0.5)
    assert (claim.left, claim.top, claim.right, claim.bottom) == pytest.approx((220, 428, 380, 748))
    assert people((), (), 1.0, 1.0) == []


def test_an_opencv_without_the_detector_is_a_clear_error(monkeypatch):
    monkeypatch.delattr(cv2, "HOGDescriptor")
    with pytest.raises(AIServiceUnavailableError, match="no people detector"):
        OpenCVDetector()


def test_the_check_names_the_version(detector):
    assert cv2.__version__ in detector.check()


def test_closing_leaves_it_usable(detector):
    detector.close()
    assert len(detector.detect(seen())) == 1
