from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from health_check.exceptions import ServiceWarning

from hsi.models import LastPublishedState, StreamMessage, WorkerHeartbeat
from monitoring.health import monitor
from monitoring.health.checks import DEGRADED, HEALTHY, NamedCheck
from monitoring.health.monitor import publish_health, publish_workers
from tests.factories import NOW

pytestmark = pytest.mark.django_db(transaction=True)

State = WorkerHeartbeat.State


def beat(name: str = "detection@home:1", state: str = State.RUNNING, ago_seconds: float = 0) -> None:
    at = NOW - timedelta(seconds=ago_seconds)
    kind = name.partition("@")[0]
    values = {"kind": kind, "host": "home", "pid": 1, "state": state, "started_at": at, "progressed_at": at}
    WorkerHeartbeat.objects.update_or_create(name=name, defaults={**values, "beat_at": at})


def told() -> list[tuple[str, str]]:
    rows = StreamMessage.objects.filter(type="worker.status").order_by("seq")
    return [(row.data["name"].partition("@")[0], row.data["status"]) for row in rows]


def test_a_worker_that_appears_is_told_once_with_what_a_page_needs():
    beat()
    assert publish_workers(NOW) == 1
    assert publish_workers(NOW) == 0
    message = StreamMessage.objects.get()
    assert (message.type, message.camera) == ("worker.status", "")
    assert message.data == {
        "name": "detection@home:1", "kind": "detection", "host": "home", "pid": 1, "status": "running", "detail": "",
        "jobs_done": 0, "beat_at": "2026-03-01T12:00:00Z",
    }  # fmt: skip


def test_a_worker_that_falls_silent_and_comes_back_is_told_each_time():
    beat()
    publish_workers(NOW)
    beat(ago_seconds=16)
    publish_workers(NOW), publish_workers(NOW)
    beat()
    publish_workers(NOW)
    assert told() == [("detection", "running"), ("detection", "silent"), ("detection", "running")]


def test_a_worker_that_fails_recovers_and_stops_is_told_each_time():
    for state in (State.RUNNING, State.FAILING, State.RUNNING, State.STOPPED):
        beat(state=state)
        publish_workers(NOW)
    assert [state for _, state in told()] == ["running", "failing", "running", "stopped"]


def test_a_worker_that_stopped_long_ago_has_not_died():
    beat()
    publish_workers(NOW)
    beat(state=State.STOPPED, ago_seconds=3600)
    publish_workers(NOW)
    assert [state for _, state in told()] == ["running", "stopped"]


def test_workers_of_the_past_are_no_news():
    beat("watcher@old:1", State.STOPPED, 3600)
    beat("detection@old:2", State.RUNNING, 3600)
    assert publish_workers(NOW) == 0
    assert not LastPublishedState.objects.exists()


def test_of_two_who_notice_at_the_same_moment_one_tells():
    for number in range(20):
        beat(f"worker{number}@home:1")
    start = threading.Barrier(2)

    def notice() -> None:
        start.wait(20)
        publish_workers(NOW)
        connection.close()

    threads = [threading.Thread(target=notice) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(told()) == sorted((f"worker{number}", "running") for number in range(20))


class Part(NamedCheck):
    well = True

    def run(self) -> None:
        self.detail = "Available."
        if not Part.well:
            raise ServiceWarning("It does not answer.")


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch) -> type[Part]:
    monkeypatch.setattr(monitor, "all_checks", lambda: [Part(name="part")])
    Part.well = True
    return Part


def test_overall_health_is_told_when_it_changes_and_only_then(part):
    for part.well in (True, True, False, False, True, True):
        publish_health()
    rows = StreamMessage.objects.filter(type="system.status").order_by("seq")
    assert [row.data["status"] for row in rows] == [DEGRADED, HEALTHY]
    assert rows[0].data["checks"] == {"part": {"status": "degraded", "detail": "It does not answer."}}
