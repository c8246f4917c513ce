"""Stopping: the first signal finishes what is in hand, the second ends now, and what was cut off is done once."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests import files
from tests.engines.database import postgresql
from tests.engines.engines import Engines
from tests.engines.private_valkey import private_valkey
from tests.peers.detectors import Answer, Received, RtDetrPeer
from tests.peers.llm import LlmPeer, Reply, Request
from tests.system.service import Service

pytestmark = [pytest.mark.slow, pytest.mark.one_engine]

LONGEST_HELD_SECONDS = 30
ENDS_WITHIN_SECONDS = 10
ROLES = {
    "watcher": ["watch_cameras"],
    "detector": ["run_detection"],
    "analyser": ["run_analysis"],
    "housekeeping": ["run_housekeeping"],
    "hasty-analyser": ["run_analysis"],
}


class SlowModel(LlmPeer):
    """Answers no judgement while `gate` is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()

    def reply_to(self, request: Request) -> Reply:
        reply = super().reply_to(request)
        if request.is_judgement:
            self.gate.wait(LONGEST_HELD_SECONDS)
        return reply


class SlowDetector(RtDetrPeer):
    """Answers nothing while `gate` is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()

    def person(self, received: Received) -> Answer:
        self.gate.wait(LONGEST_HELD_SECONDS)
        return super().person(received)


class Stopping(Service):
    """A service of which one process at a time is stopped by a signal. Each picture is of a camera of its own."""

    def __init__(self, environment: dict[str, str], redis_url: str) -> None:
        self.detector, self.model = SlowDetector(), SlowModel()
        hasty = {"hasty-analyser": ["env", "SHUTDOWN_GRACE_SECONDS=1"]}
        self.detector.__enter__()
        self.model.__enter__()
        urls = {"RTDETR_URL": self.detector.url, "NEMOTRON_URL": self.model.url}
        super().__init__(environment, redis_url, roles=ROLES, within=hasty, BATCH_IDLE_TIMEOUT_SECONDS="1", **urls)
        self.pictures = 0

    def close(self) -> None:
        for peer in (self.detector, self.model):
            peer.gate.set()
        self.stop()
        for peer in (self.detector, self.model):
            peer.__exit__()

    def upload(self) -> str:
        """A picture arrives; the camera it is of."""
        self.pictures += 1
        self.put(f"camera{self.pictures}/picture.jpg", files.jpeg(self.pictures))
        return f"camera{self.pictures}"

    def detections(self, camera: str) -> list[dict[str, Any]]:
        return [one for one in self.all("/api/detections") if one["camera"] == camera]

    def judged(self, camera: str) -> bool:
        return any(event["analysis"] == "done" for event in self.all("/api/events") if event["camera"] == camera)

    def only_analyser(self, role: str) -> None:
        """Of the two, this one runs alone."""
        (other,) = {"analyser", "hasty-analyser"} - {role}
        if other in self.processes:
            self.ended(self.interrupted(other))
        if role not in self.processes:
            self.bring_back(role)

    def interrupted(self, role: str) -> subprocess.Popen[bytes]:
        process = self.release(role)
        process.send_signal(signal.SIGTERM)
        return process

    @staticmethod
    def ended(process: subprocess.Popen[bytes]) -> int:
        """The exit status. Fails where it takes too long."""
        try:
            return process.wait(ENDS_WITHIN_SECONDS)
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def service(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stopping]:
    """One for all tests here: to start it takes longer than they do."""
    folder = tmp_path_factory.mktemp("shutdown")
    (folder / "cameras").mkdir()
    with postgresql(engines.postgresql()) as url, private_valkey() as redis:
        environment = {**os.environ, "HSI_DATA_DIR": str(folder), "DATABASE_URL": url, "ALLOWED_HOSTS": "127.0.0.1"}
        service = Stopping(environment, redis.url)
        try:
            service.start_service()
            service.connect()
            yield service
        finally:
            service.close()


@pytest.fixture(autouse=True)
def _gates_open_after_each(service: Stopping) -> Iterator[None]:
    yield
    service.detector.gate.set()
    service.model.gate.set()
    if "detector" not in service.processes:
        service.bring_back("detector")


def goes_on(process: subprocess.Popen[bytes], seconds: float = 1.5) -> bool:
    """Whether a process still runs after so long."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def test_the_first_signal_waits_for_a_slow_detection_and_stores_it(service):
    service.detector.gate.clear()
    before = service.detector.calls
    camera = service.upload()
    service.until(lambda: service.detector.calls == before + 1)
    process = service.interrupted("detector")
    assert goes_on(process)
    assert service.detections(camera) == []
    service.detector.gate.set()
    assert service.ended(process) == 0
    assert len(service.detections(camera)) == 1
    service.bring_back("detector")
    service.until(lambda: service.judged(camera))
    assert service.detector.calls == before + 1


def test_the_first_signal_waits_for_a_slow_judgement_and_stores_it(service):
    service.only_analyser("analyser")
    service.model.gate.clear()
    before = service.model.calls
    camera = service.upload()
    service.until(lambda: service.model.calls == before + 1)
    process = service.interrupted("analyser")
    assert goes_on(process)
    assert not service.judged(camera)
    service.model.gate.set()
    assert service.ended(process) == 0
    assert service.judged(camera)
    service.only_analyser("analyser")
    assert_judged_once(service, camera)
    assert service.model.calls == before + 1


def test_the_second_signal_ends_at_once_and_the_job_is_done_once_by_another(service):
    service.detector.gate.clear()
    before = service.detector.calls
    camera = service.upload()
    service.until(lambda: service.detector.calls == before + 1)
    process = service.interrupted("detector")
    assert goes_on(process)
    process.send_signal(signal.SIGTERM)
    assert not goes_on(process)
    assert service.ended(process) == 128 + signal.SIGTERM
    service.bring_back("detector")
    service.until(lambda: service.detector.calls == before + 2)
    service.detector.gate.set()
    service.until(lambda: service.judged(camera))
    assert len(service.detections(camera)) == 1
    assert service.detector.calls == before + 2


def test_a_judgement_longer_than_the_grace_time_is_taken_over_and_the_event_judged_once(service):
    service.only_analyser("hasty-analyser")
    service.model.gate.clear()
    before = service.model.calls
    camera = service.upload()
    service.until(lambda: service.model.calls == before + 1)
    process = service.interrupted("hasty-analyser")
    assert service.ended(process) == 0
    service.only_analyser("analyser")
    service.until(lambda: service.model.calls == before + 2)
    service.model.gate.set()
    service.until(lambda: service.judged(camera))
    assert_judged_once(service, camera)
    assert service.model.calls == before + 2


def assert_judged_once(service: Stopping, camera: str) -> None:
    """One event of this camera, and one message that says how it was judged."""
    [event] = [event for event in service.all("/api/events") if event["camera"] == camera]
    assert (event["risk_source"], event["analysis"]) == ("llm", "done")
    told = [data for _, kind, data in service.stream() if kind.startswith("event.") and data["camera"] == camera]
    assert [data["analysis"] for data in told].count("done") == 1
