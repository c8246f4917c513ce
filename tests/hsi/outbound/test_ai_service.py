from __future__ import annotations

import time

import pytest

from detection.detectors.rtdetr import RtDetrDetector
from hsi.errors import AIServiceError, AIServiceRejectedError, AIServiceUnavailableError
from hsi.outbound.ai_service import AIService
from tests import files
from tests.peers.detectors import Answer, RtDetrPeer, Trickle

PICTURE = {"file": ("picture.jpg", files.jpeg(), "image/jpeg")}


def service(url: str, read_timeout: float = 5) -> AIService:
    return AIService("peer", url, connect_timeout=2, read_timeout=read_timeout)


@pytest.mark.parametrize("head", [True, False])
def test_an_answer_that_trickles_is_cut_off_at_the_deadline(head):
    with RtDetrPeer() as peer:
        peer.answer = Trickle(b"{}" + b" " * 500, 0.1, head=head)
        client = service(peer.url, read_timeout=0.5)
        began = time.monotonic()
        with pytest.raises(AIServiceError, match=r"within 0\.5 s"):
            client.post_json("/detect", files=PICTURE)
        assert time.monotonic() - began < 3
        client.close()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, AIServiceRejectedError),
        (413, AIServiceRejectedError),
        (401, AIServiceUnavailableError),
        (404, AIServiceUnavailableError),
        (429, AIServiceUnavailableError),
        (503, AIServiceUnavailableError),
        (500, AIServiceError),
        (302, AIServiceUnavailableError),
        (502, AIServiceUnavailableError),
    ],
)
def test_a_status_becomes_a_typed_error(status, kind):
    with RtDetrPeer() as peer:
        peer.answer = Answer(status, b"no", {"Retry-After": "7"})
        client = service(peer.url)
        with pytest.raises(AIServiceError) as caught:
            client.post_json("/detect", files=PICTURE)
        assert type(caught.value) is kind
        assert (caught.value.http_status, caught.value.body, caught.value.retry_after_seconds) == (status, "no", 7)
        client.close()


def test_a_service_that_is_not_there_is_unavailable():
    client = service("http://127.0.0.1:9")
    with pytest.raises(AIServiceUnavailableError, match="cannot be reached"):
        client.get_json("/health")
    client.close()


def test_one_connection_serves_many_calls():
    with RtDetrPeer() as peer:
        detector = RtDetrDetector(peer.url, api_key="", connect_timeout=2, read_timeout=5, health_timeout=2)
        for _ in range(5):
            detector.check()
        detector.close()
        assert peer.connections == 1
