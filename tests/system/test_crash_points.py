"""Every process killed at every named point of the pipeline: after the restart nothing is lost, nothing is doubled.

On SQLite this is the embedded mode, one process; on PostgreSQL the service mode, a process a role, with Redis.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests import files
from tests.peers.detectors import RtDetrPeer
from tests.peers.llm import LlmPeer
from tests.system.running import Running, foscam_name
from tests.system.service import Service

pytestmark = pytest.mark.slow

POINTS = [
    "file-seen",
    "thumbnail-written",
    "rejection-written",
    "upload-committed",
    "detection_queue-taken",
    "detected",
    "detection-committed",
    "detection-acknowledged",
    "fast-path-taken",
    "fast_path_queue-taken",
    "told-at-once",
    "batch-closed",
    "analysis_queue-taken",
    "judged",
    "event-committed",
    "event-acknowledged",
    "message-committed:3",
]
PICTURES = 6


@pytest.fixture
def system(
    engine: str, child_environment: dict[str, str], request: pytest.FixtureRequest
) -> Iterator[tuple[Running, RtDetrPeer, LlmPeer]]:
    with RtDetrPeer() as detector, LlmPeer() as model:
        urls = {
            "RTDETR_URL": detector.url,
            "NEMOTRON_URL": model.url,
            "FAST_PATH_CONFIDENCE_THRESHOLD": "0.5",
            "JOB_MAX_ATTEMPTS": "100",  # a job may be in hand at many of these deaths
        }
        running = (
            Service(child_environment, request.getfixturevalue("valkey_url"), **urls)
            if engine == "postgresql"
            else Running(child_environment, **urls)
        )
        yield running, detector, model
        running.stop()


def test_every_point_is_reached_by_somebody_and_each_death_harms_nothing(system):
    """Killed at one point, started again to be killed at the next with the first one's work still unfinished."""
    running, _detector, _model = system
    sent: list[str] = []
    for number, point in enumerate(POINTS):
        running.start(crash_at=point)
        sent += send(running, number)
        running.until(running.died)
    running.start()
    settled(running, len(sent))
    check(running, sent)


def send(running: Running, round_number: int) -> list[str]:
    began = datetime.now(UTC) - timedelta(seconds=30)
    names = []
    for number in range(PICTURES):
        seed = round_number * PICTURES + number
        name = f"camera{number % 2}/{foscam_name(began + timedelta(seconds=number), seed)}"
        running.put(name, files.jpeg(seed))
        names.append(name)
    cut = f"camera0/cut{round_number}.jpg"
    running.put(cut, files.jpeg(1000 + round_number)[:-300])
    return [*names, cut]


def settled(running: Running, files_sent: int) -> None:
    running.until(lambda: len([u for u in running.uploads() if u["state"] != "waiting"]) == files_sent)
    running.until(lambda: not any(running.get("/api/system/health")["waiting"].values()))


def check(running: Running, sent: list[str]) -> None:
    """The invariants, over all rounds."""
    uploads = running.uploads()
    assert sorted(upload["path"] for upload in uploads) == sorted(sent)
    states = Counter(upload["state"] for upload in uploads)
    assert states == {"detected": len(POINTS) * PICTURES, "rejected": len(POINTS)}
    detections = running.all("/api/detections")
    assert Counter(d["upload"] for d in detections) == {u["id"]: 1 for u in uploads if u["state"] == "detected"}
    events = running.all("/api/events")
    assert {(event["risk_source"], event["analysis"]) for event in events} == {("llm", "done")}
    assert sum(event["detection_count"] for event in events) == len(detections)
    numbers = [message["seq"] for message in running.messages()]
    assert numbers == list(range(1, len(numbers) + 1))
    data = Path(running.environment["HSI_DATA_DIR"])
    assert len(list((data / "quarantine").rglob("*.jpg"))) == len(POINTS)
    assert len([path for path in running.cameras.rglob("*") if path.is_file()]) == len(POINTS) * PICTURES
    print(f"{len(POINTS)} points, {len(uploads)} files: 0 lost, 0 doubled, {len(numbers)} messages without a gap")  # noqa: T201
