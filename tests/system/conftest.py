"""What the tests of the service mode have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.engines.private_valkey import PrivateValkey, private_valkey
from tests.peers.detectors import RtDetrPeer
from tests.peers.llm import LlmPeer
from tests.peers.webhook import WebhookPeer
from tests.system import telling


@pytest.fixture
def detector() -> Iterator[RtDetrPeer]:
    with RtDetrPeer() as peer:
        yield peer


@pytest.fixture
def model() -> Iterator[LlmPeer]:
    with LlmPeer() as peer:
        yield peer


@pytest.fixture
def receiver() -> Iterator[WebhookPeer]:
    """Of notifications."""
    with WebhookPeer() as peer:
        yield peer


@pytest.fixture
def services(detector: RtDetrPeer, model: LlmPeer) -> dict[str, str]:
    """Settings with a detector and a language model that answer, and receivers on this machine allowed."""
    return {"RTDETR_URL": detector.url, "NEMOTRON_URL": model.url, **telling.SETTINGS}


@pytest.fixture
def on_postgres(child_environment: dict[str, str], postgres_url: str) -> dict[str, str]:
    """`child_environment` on PostgreSQL, whatever engine this run is on."""
    return child_environment | {"DATABASE_URL": postgres_url}


@pytest.fixture
def own_redis() -> Iterator[PrivateValkey]:
    """A Redis that this test may empty and stop."""
    with private_valkey() as server:
        yield server


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Adds a line to the summary at the end of the run, in whichever lane this test runs."""
    return lambda line: record_property("told", line)
