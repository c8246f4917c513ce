from __future__ import annotations

import pytest
from django.test import override_settings

from detection.detectors import Box, reference_picture
from detection.detectors.deepstack import DeepStackDetector, from_settings
from hsi.errors import AIServiceAnswerError, AIServiceRejectedError, AIServiceUnavailableError
from tests.detection.pictures import plain
from tests.peers.detectors import Answer, DeepStackPeer, json_answer

EDGES = {"x_min": 16, "y_min": 12, "x_max": 48, "y_max": 36}


@pytest.fixture
def peer():
    with DeepStackPeer() as peer:
        yield peer


@pytest.fixture
def detector(peer):
    detector = DeepStackDetector(peer.url, connect_timeout=1.0, read_timeout=2.0)
    yield detector
    detector.close()


def test_a_person_is_found_with_one_call(peer, detector):
    with override_settings(DETECTION_CONFIDENCE_THRESHOLD=0.25):
        (found,) = detector.detect(plain((64, 48)))
    assert (found.label, found.confidence, found.box) == ("person", 0.95, Box(0.25, 0.25, 0.25, 0.5))
    assert (peer.calls, peer.faults) == (1, [])
    assert peer.received[0].form == {"min_confidence": "0.25"}


def test_the_key_is_a_form_field(peer):
    with override_settings(RTDETR_URL=peer.url, RTDETR_API_KEY="k3y"):
        detector = from_settings()
    detector.detect(plain())
    detector.close()
    assert peer.received[0].form["api_key"] == "k3y"


def test_labels_are_made_one_and_weak_ones_left_out_though_the_service_sends_them(peer, detector):
    found = [{"label": "Sofa", "confidence": 0.8, **EDGES}, {"label": "cat", "confidence": 0.2, **EDGES}]
    peer.answer = json_answer({"success": True, "predictions": found})
    assert [one.label for one in detector.detect(plain())] == ["couch"]


def test_nothing_found_is_an_empty_list(peer, detector):
    peer.answer = json_answer({"success": True, "predictions": []})
    assert detector.detect(plain()) == []


@pytest.mark.parametrize(
    "answer",
    [
        {"success": False, "error": "the image is broken"},
        {"success": False, "predictions": []},
        {"success": True},
        {"success": True, "predictions": {}},
        {"success": True, "predictions": [None]},
        {"success": True, "predictions": [{"confidence": 0.9, **EDGES}]},
        {"success": True, "predictions": [{"label": "cat", **EDGES}]},
        {"success": True, "predictions": [{"label": "cat", "confidence": 0.9}]},
        [],
    ],
)
def test_a_failure_inside_or_a_wrong_structure_is_an_error(peer, detector, answer):
    peer.answer = json_answer(answer)
    with pytest.raises(AIServiceAnswerError):
        detector.detect(plain())
    assert peer.calls == 1


@pytest.mark.parametrize("words", ["Model yolo.pt not found", "the server is starting", "Failed to load model"])
def test_a_failure_inside_that_is_not_about_the_picture_is_waited_for(peer, detector, words):
    peer.answer = json_answer({"success": False, "error": words})
    with pytest.raises(AIServiceUnavailableError, match=words):
        detector.detect(plain())


def test_a_refused_picture_is_not_tried_again(peer, detector):
    peer.refuses_all_but(
        reference_picture.picture().encoded, json_answer({"success": False, "error": "invalid image"}, 400)
    )
    with pytest.raises(AIServiceRejectedError) as caught:
        detector.detect(plain())
    assert "invalid image" in caught.value.body


def test_the_check_takes_a_ping_and_forgives_that_deepstack_has_none(peer, detector):
    assert "CodeProject" in detector.check()
    peer.health = Answer(404, b"404 page not found", {})
    assert "no health page" in detector.check()


def test_the_check_raises_when_the_service_is_not_ready(peer, detector):
    for health in (json_answer({"success": False}), Answer(503, b"loading", {})):
        peer.health = health
        with pytest.raises(AIServiceUnavailableError):
            detector.check()


def test_without_an_address_there_is_no_detector():
    with override_settings(RTDETR_URL=""), pytest.raises(AIServiceUnavailableError):
        from_settings()
