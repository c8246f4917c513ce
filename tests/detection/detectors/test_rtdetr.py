from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from django.test import override_settings

from cameras.media.picture import Picture
from detection.detectors import Box
from detection.detectors.rtdetr import RtDetrDetector, from_settings
from hsi.errors import (
    AIServiceAnswerError,
    AIServiceRejectedError,
    AIServiceUnavailableError,
    MediaError,
)
from tests.detection.pictures import jpeg, of_file, plain
from tests.peers.detectors import Answer, json_answer, person_box

SIZE = (64, 48)


def good(**changes):
    return {"detections": [person_box(SIZE)], "inference_time_ms": 1.0, "image_width": 64, "image_height": 48} | changes


def test_a_person_is_found_with_one_call_that_carries_the_cameras_own_bytes(peer, detector):
    picture = plain(SIZE)
    (found,) = detector.detect(picture)
    assert (found.label, found.confidence, found.box) == ("person", 0.95, Box(0.25, 0.25, 0.25, 0.5))
    assert (peer.calls, peer.faults) == (1, [])
    assert peer.received[0].picture == picture.encoded
    assert peer.received[0].content_type == "image/jpeg"
    assert "x-api-key" not in peer.received[0].headers


def test_a_frame_without_a_file_is_sent_as_a_jpeg(peer, detector):
    assert len(detector.detect(Picture(pixels=np.full((48, 64, 3), 90, np.uint8)))) == 1
    assert peer.received[0].picture.startswith(b"\xff\xd8")


def test_the_api_key_is_sent_when_there_is_one(peer):
    detector = RtDetrDetector(peer.url, api_key="k3y")
    detector.detect(plain())
    detector.close()
    assert peer.received[0].headers["x-api-key"] == "k3y"


def test_one_connection_serves_many_pictures(peer, detector):
    for _ in range(20):
        detector.detect(plain())
    assert (peer.calls, peer.connections) == (20, 1)


def test_threads_share_a_detector_and_get_their_own_answers(peer, detector):
    sizes = [(64 + 8 * index, 48) for index in range(16)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda size: detector.detect(plain(size)), sizes))
    assert [len(found) for found in answers] == [1] * 16
    assert peer.calls == 16


def test_no_detections_is_an_empty_list(peer, detector):
    peer.answer = json_answer(good(detections=[]))
    assert detector.detect(plain()) == []


def test_a_bbox_may_be_an_array_and_the_size_may_be_left_out(peer, detector):
    found = {"class": "motorbike", "confidence": 0.7, "bbox": [16, 12, 32, 24]}
    peer.answer = json_answer({"detections": [found]})
    (one,) = detector.detect(plain(SIZE))
    assert (one.label, one.box) == ("motorcycle", Box(0.25, 0.25, 0.5, 0.5))


def test_an_unknown_class_is_kept(peer, detector):
    peer.answer = json_answer(good(detections=[person_box(SIZE, label="Garden\nGnome")]))
    assert detector.detect(plain())[0].label == "garden gnome"


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>502 Bad Gateway</body></html>",
        b"",
        b'{"detections": [{"class": "per',
        b"[" * 100_000,
        b"null",
        b"[]",
        b'"detections"',
    ],
)
def test_an_answer_that_is_not_the_protocols_json_is_an_error_and_can_be_retried(peer, detector, body):
    peer.answer = Answer(200, body)
    with pytest.raises(AIServiceAnswerError) as caught:
        detector.detect(plain())
    assert caught.value.retryable


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"error": "CUDA out of memory"},
        good(error="CUDA out of memory"),
        good(success=False),
        good(detections=None),
        good(detections={}),
        good(detections="none"),
        good(detections=[None]),
        good(detections=["person"]),
        good(detections=[[1, 2, 3, 4]]),
        good(detections=[person_box(SIZE), {"confidence": 0.9, "bbox": [1, 2, 3, 4]}]),
        good(detections=[{"class": "", "confidence": 0.9, "bbox": [1, 2, 3, 4]}]),
        good(detections=[{"class": 0, "confidence": 0.9, "bbox": [1, 2, 3, 4]}]),
        good(detections=[{"class": "person", "bbox": [1, 2, 3, 4]}]),
        good(detections=[{"class": "person", "confidence": "0.9", "bbox": [1, 2, 3, 4]}]),
        good(detections=[{"class": "person", "confidence": True, "bbox": [1, 2, 3, 4]}]),
        good(detections=[{"class": "person", "confidence": 0.9}]),
        good(detections=[{"class": "person", "confidence": 0.9, "bbox": [1, 2, 3]}]),
        good(detections=[{"class": "person", "confidence": 0.9, "bbox": {"x": 1, "y": 2, "width": 3}}]),
        good(detections=[{"class": "person", "confidence": 0.9, "bbox": [1, 2, 3, None]}]),
        good(detections=[{"class": "person", "confidence": 0.9, "bbox": "1,2,3,4"}]),
    ],
)
def test_a_wrong_structure_is_an_error_never_an_empty_list(peer, detector, answer):
    peer.answer = json_answer(answer)
    with pytest.raises(AIServiceAnswerError) as caught:
        detector.detect(plain())
    assert caught.value.service == "rtdetr"
    assert peer.calls == 1


def test_an_error_inside_is_repeated_in_words(peer, detector):
    peer.answer = json_answer({"error": "CUDA out of memory"})
    with pytest.raises(AIServiceAnswerError, match="CUDA out of memory") as caught:
        detector.detect(plain())
    assert "CUDA" in caught.value.body


@pytest.mark.parametrize("size", [{"image_width": 1920}, {"image_height": 47}, {"image_width": 48, "image_height": 64}])
def test_an_answer_about_another_pictures_size_is_an_error(peer, detector, size):
    peer.answer = json_answer(good(**size))
    with pytest.raises(AIServiceAnswerError, match="sent was 64x48"):
        detector.detect(plain(SIZE))


def test_impossible_boxes_and_confidences_are_dropped_and_the_rest_is_kept(peer, detector):
    impossible = [
        {"class": "person", "confidence": 0.9, "bbox": [100, 10, 20, 20]},
        {"class": "person", "confidence": 0.9, "bbox": [float("nan"), 10, 20, 20]},
        {"class": "person", "confidence": 0.9, "bbox": [10, 10, float("inf"), 20]},
        {"class": "person", "confidence": 0.9, "bbox": [10, 10, 0, 20]},
        {"class": "person", "confidence": 0.9, "bbox": [10, 10, -5, 20]},
        {"class": "person", "confidence": float("nan"), "bbox": [10, 10, 5, 5]},
        {"class": "person", "confidence": 95, "bbox": [10, 10, 5, 5]},
        {"class": "person", "confidence": 0.9, "bbox": [10**400, 10, 5, 5]},
    ]
    peer.answer = json_answer(good(detections=[*impossible, person_box(SIZE, 0.8)]))
    assert [found.confidence for found in detector.detect(plain(SIZE))] == [0.8]


def test_a_box_that_reaches_outside_is_clipped(peer, detector):
    peer.answer = json_answer(good(detections=[{"class": "car", "confidence": 0.9, "bbox": [-10, -10, 42, 34]}]))
    assert detector.detect(plain(SIZE))[0].box == Box(0.0, 0.0, 0.5, 0.5)


def test_ten_thousand_boxes_become_the_best_three_hundred(peer, detector):
    peer.answer = json_answer(good(detections=[person_box(SIZE, 0.5 + index / 20_000) for index in range(10_000)]))
    found = detector.detect(plain(SIZE))
    assert len(found) == 300
    assert found[0].confidence == pytest.approx(0.99995)


def test_what_is_no_picture_is_not_sent(peer, detector):
    with pytest.raises(MediaError):
        detector.detect(of_file(b"GIF89a no picture"))
    assert peer.calls == 0


def test_the_check_passes_on_a_healthy_service(detector):
    assert "healthy" in detector.check()


@pytest.mark.parametrize(
    ("health", "error"),
    [
        (json_answer({"status": "healthy", "model_loaded": False}), AIServiceUnavailableError),
        (json_answer({"status": "unhealthy", "model_loaded": True}), AIServiceUnavailableError),
        (json_answer({"status": False}), AIServiceUnavailableError),
        (json_answer({"status": ["healthy"]}), AIServiceUnavailableError),
        (json_answer({"status": "loading"}, 503), AIServiceUnavailableError),
        (json_answer([]), AIServiceAnswerError),
        (Answer(200, b"<html>"), AIServiceAnswerError),
    ],
)
def test_the_check_raises_on_any_other(peer, detector, health, error):
    peer.health = health
    with pytest.raises(error):
        detector.check()


def test_the_settings_make_a_detector(peer):
    with override_settings(RTDETR_URL=peer.url + "/", RTDETR_API_KEY="k", RTDETR_READ_TIMEOUT=11.0):
        detector = from_settings()
    assert len(detector.detect(plain())) == 1
    assert peer.received[0].headers["x-api-key"] == "k"
    assert detector.service.read_timeout == 11.0
    detector.close()
    with override_settings(RTDETR_URL=""), pytest.raises(AIServiceUnavailableError):
        from_settings()


def test_the_peer_itself_refuses_what_breaks_the_protocol(peer, detector):
    with pytest.raises(AIServiceRejectedError):
        detector.service.post_json("/detect", files={"image": ("a.jpg", jpeg(), "image/jpeg")})
    with pytest.raises(AIServiceRejectedError):
        detector.service.post_json("/detect", files={"file": ("a.jpg", b"text", "image/jpeg")})
    assert len(peer.faults) == 2


def test_the_words_of_an_error_inside_can_be_stored(peer, detector):
    peer.answer = json_answer({"error": "half \ud800 and \x00 and\nlines" + "x" * 5000})
    with pytest.raises(AIServiceAnswerError, match="half and and lines") as caught:
        detector.detect(plain())
    assert len(caught.value.detail) < 300
    caught.value.body.encode()
