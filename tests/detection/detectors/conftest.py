"""A detection service that speaks the protocol of RT-DETR, and the detector that asks it."""

from __future__ import annotations

import pytest

from detection.detectors.rtdetr import RtDetrDetector
from tests.peers.detectors import RtDetrPeer


@pytest.fixture
def peer():
    with RtDetrPeer() as peer:
        yield peer


@pytest.fixture
def detector(peer):
    detector = RtDetrDetector(peer.url, connect_timeout=1.0, read_timeout=2.0, health_timeout=0.5)
    yield detector
    detector.close()
