"""Every process killed at every named point of the pipeline: after the restart nothing is lost, nothing is doubled.

Once in the embedded mode, one process, and once in the service mode, a process a role, with Redis.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain, zip_longest

import pytest

from tests import files
from tests.peers.webhook import WebhookPeer
from tests.system.invariants import check, settled
from tests.system.running import Running, foscam_name
from tests.system.service import Service
from tests.system.telling import check_told, tell_everything

pytestmark = pytest.mark.slow

POINTS = {
    "watcher": [
        "file-seen",
        "spool-copied",
        "thumbnail-written",
        "rejection-written",
        "upload-committed",
        "message-committed:3",
    ],
    "detector": [
        "detection_queue-taken",
        "detected",
        "detection-committed",
        "spool-unlinked",
        "detection-acknowledged",
        "fast-path-taken",
        "batch-closed",
    ],
    "analyser": [
        "fast_path_queue-taken",
        "early-score-committed",
        "analysis_queue-taken",
        "judged",
        "event-committed",
        "event-acknowledged",
        "visit-ended",
    ],
    "notifier": ["delivery-claimed", "notification-sent", "delivery-committed"],
}
PICTURES = 6


@pytest.fixture
def settings(services: dict[str, str]) -> dict[str, str]:
    attempts = {"JOB_MAX_ATTEMPTS": "100", "NOTIFICATION_MAX_ATTEMPTS": "100"}  # one may see many of these deaths
    return services | attempts | {"FAST_PATH_CONFIDENCE_THRESHOLD": "0.5"}


@pytest.mark.one_engine
def test_one_process_killed_at_every_point_loses_and_doubles_nothing(child_environment, settings, receiver, tell):
    """Killed at one point, started again to be killed at the next with the first one's work still unfinished."""
    running = Running(child_environment, **settings)
    sent: list[str] = []
    try:
        running.start()
        tell_everything(running, receiver)
        running.kill()
        for point in chain(*POINTS.values()):
            running.start(point)
            sent += send(running, len(sent))
            running.until(running.died)
        running.start()
        settled(running, len(sent))
        tell(judged(running, sent, receiver))
    finally:
        running.stop()


@pytest.mark.one_engine
def test_every_role_killed_at_every_point_of_its_own_loses_and_doubles_nothing(
    on_postgres, settings, valkey_url, receiver, tell
):
    """In the service mode the roles die side by side, on PostgreSQL and Redis."""
    service = Service(on_postgres, valkey_url, **settings)
    sent: list[str] = []
    try:
        service.start_service()
        service.connect()
        tell_everything(service, receiver)
        for points in zip_longest(*POINTS.values(), fillvalue=""):
            dying = {role: point for role, point in zip(POINTS, points, strict=True) if point}
            service.start_service(dying)
            sent += send(service, len(sent))
            service.until(partial(service.have_died, dying))
        service.connect()
        settled(service, len(sent))
        tell(judged(service, sent, receiver))
    finally:
        service.stop()


def send(running: Running, first: int) -> list[str]:
    """Pictures and a broken file, numbered from `first`; their paths."""
    began = datetime.now(UTC) - timedelta(seconds=30)
    names = []
    for number in range(PICTURES):
        seed = first + number
        name = f"camera{number % 2}/{foscam_name(began + timedelta(seconds=number), seed)}"
        if number == 0:  # a name without a number: the file is copied into the spool
            name = f"camera0/{'snap' + 'i' * seed}.jpg"
        running.put(name, files.jpeg(seed))
        names.append(name)
    cut = f"camera0/cut{first}.jpg"
    running.put(cut, files.jpeg(first + PICTURES)[:-300])
    return [*names, cut]


def judged(running: Running, sent: list[str], receiver: WebhookPeer) -> str:
    """Check the invariants over all rounds; the figures in words."""
    cut = [path for path in sent if "/cut" in path]
    figures = check(running, [path for path in sent if path not in cut], cut), check_told(running, receiver)
    return f"{len(cut)} rounds of deaths, {', '.join(figures)}"
