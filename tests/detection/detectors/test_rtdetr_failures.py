"""A detection service that fails, refuses, is busy, slow, silent or gone: each over a real socket."""

from __future__ import annotations

import json
import socket
import time

import pytest

from detection.detectors import reference_picture
from detection.detectors.rtdetr import RtDetrDetector
from hsi.errors import AIServiceAnswerError, AIServiceError, AIServiceRejectedError, AIServiceUnavailableError
from tests.detection.pictures import plain
from tests.peers.detectors import Answer, ClosedEarly, Silence, Trickle, json_answer, person_box

SIZE = (64, 48)


@pytest.fixture
def hasty(peer):
    """A detector that waits 0.2 s for an answer."""
    detector = RtDetrDetector(peer.url, connect_timeout=0.2, read_timeout=0.2)
    yield detector
    detector.close()


def good(**changes):
    return {"detections": [person_box(SIZE)], "inference_time_ms": 1.0, "image_width": 64, "image_height": 48} | changes


def test_an_endless_answer_is_cut_off(peer, detector):
    peer.answer = json_answer(good(comment="x" * (5 * 1024 * 1024)))
    with pytest.raises(AIServiceAnswerError, match="more than"):
        detector.detect(plain())


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_a_refused_picture_is_not_tried_again_and_the_reason_is_kept(peer, detector, status):
    peer.refuses_all_but(reference_picture.picture().encoded, json_answer({"detail": "cannot identify image"}, status))
    with pytest.raises(AIServiceRejectedError, match=f"rtdetr answered {status}: cannot identify image") as caught:
        detector.detect(plain())
    assert not caught.value.retryable
    assert caught.value.http_status == status
    assert "cannot identify image" in caught.value.body
    assert peer.calls == 3  # the picture, one that is known to be good, and the picture once more


@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_service_that_refuses_every_picture_is_at_fault_itself(peer, detector, status):
    peer.answer = json_answer({"error": {"message": "weights file is corrupt"}}, status)
    with pytest.raises(AIServiceUnavailableError, match="weights file is corrupt") as caught:
        detector.detect(plain())
    assert caught.value.against_service
    assert not caught.value.counts


def test_a_picture_that_was_refused_for_a_moment_only_is_looked_at(peer, detector):
    replies = iter([json_answer({"detail": "swapping"}, 400)])
    peer.answer = lambda received: next(replies, None) or peer.person(received)
    assert [one.label for one in detector.detect(plain())] == ["person"]


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_says_when_to_come_back(peer, detector, status):
    peer.answer = Answer(status, b"busy", {"Retry-After": "7"})
    with pytest.raises(AIServiceUnavailableError) as caught:
        detector.detect(plain())
    assert caught.value.retry_after_seconds == 7
    assert caught.value.retryable
    assert not caught.value.counts


def test_a_service_that_fails_is_tried_again_and_the_try_counts(peer, detector):
    peer.answer = Answer(500, b"Internal Server Error")
    with pytest.raises(AIServiceError) as caught:
        detector.detect(plain())
    assert caught.value.retryable
    assert caught.value.counts
    assert peer.calls == 1


def test_a_redirect_is_not_followed(peer, detector):
    peer.answer = Answer(307, b"", {"Location": "/detect"})
    with pytest.raises(AIServiceError):
        detector.detect(plain())
    assert peer.calls == 1


def test_silence_ends_with_the_read_timeout(peer, hasty):
    peer.answer = Silence()
    started = time.monotonic()
    with pytest.raises(AIServiceError) as caught:
        hasty.detect(plain())
    assert time.monotonic() - started < 2
    assert caught.value.counts
    assert peer.calls == 1


def test_an_answer_of_single_bytes_ends_with_the_read_timeout(peer, hasty):
    peer.answer = Trickle(json.dumps(good()).encode(), 0.05)
    started = time.monotonic()
    with pytest.raises(AIServiceError):
        hasty.detect(plain())
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("sent", [0, 1, 60])
def test_a_connection_closed_early_is_an_error(peer, detector, sent):
    peer.answer = ClosedEarly(json.dumps(good()).encode(), sent)
    with pytest.raises(AIServiceError) as caught:
        detector.detect(plain())
    assert caught.value.retryable
    assert peer.calls == 1


def test_after_every_misbehaviour_the_next_picture_is_answered(peer, detector):
    for bad in (ClosedEarly(), ClosedEarly(b"{}" * 100, 3), Answer(500, b""), Answer(200, b"<html>")):
        peer.answer = bad
        with pytest.raises(AIServiceError):
            detector.detect(plain())
    peer.answer = peer.person
    assert len(detector.detect(plain())) == 1


def test_a_service_that_is_not_there_lets_the_job_wait():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    detector = RtDetrDetector(f"http://127.0.0.1:{port}", connect_timeout=0.5, read_timeout=0.5)
    for call in (lambda: detector.detect(plain()), detector.check):
        with pytest.raises(AIServiceUnavailableError) as caught:
            call()
        assert not caught.value.counts
    detector.close()
