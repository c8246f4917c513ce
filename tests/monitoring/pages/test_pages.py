"""What holds for every operations page: who may open it, how often it asks, and what hostile questions do."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from cameras.models import Upload
from hsi import audit
from hsi.models import DeadLetter, QueueJob, WorkerHeartbeat
from monitoring.models import JobRun, LogEntry
from monitoring.pages import counts, urls
from tests import factories

pytestmark = pytest.mark.django_db

NAMED: dict[str, dict[str, Any]] = {
    "dead_letter": {"pk": 1},
    "logs_line": {"pk": 1},
    "about": {"kind": "event", "pk": 1},
    "event_prompt": {"pk": 1},
    "bulk_job": {"pk": 1},
    "bulk_job_progress": {"pk": 1},
    "stop_bulk_job": {"pk": 1},
    "pause_queue": {"name": "detection_queue"},
    "resume_queue": {"name": "detection_queue"},
    "reset_breaker": {"name": "rtdetr"},
    "revoke_token": {"pk": 1},
    "camera": {"pk": "door"},
    "pause_camera": {"pk": "door"},
    "clear_habits": {"pk": "door"},
    "forget_static_object": {"pk": "door", "static_object": 1},
    "resume_camera": {"pk": "door"},
    "correct_clock": {"pk": "door"},
    "camera_zones": {"pk": "door"},
    "camera_step": {"pk": "door", "step": "clock"},
    "camera_first": {"pk": "door"},
}
NAMES = ["index", *(str(pattern.name) for pattern in urls.urlpatterns)]
SHOWN = ("index", "figures", "dead_letters", "queues", "configuration", "logs", "about", "dead_letter")


def address(name: str, **more: Any) -> str:
    return reverse(f"admin:{name}", kwargs={**NAMED.get(name, {}), **more})


def trouble(number: int) -> None:
    """`number` of everything that the pages show, of one camera and of one cause."""
    now = timezone.now()
    for one in range(number):
        camera = factories.camera()
        upload = factories.upload(camera, state=Upload.State.DEAD)
        event = factories.event(camera)
        factories.detection(upload, event.batches.get())
        factories.dead_letter(upload)
        LogEntry.objects.create(
            created_at=now, level=40, component="a.b", message="it failed", batch=event.batches.get().pk
        )
        JobRun.objects.create(name=f"job{one}", started_at=now, outcome="failed", error="OSError")
        QueueJob.objects.create(queue="detection_queue", row_id=upload.pk, enqueued_at=1.8e9, due_at=1.8e9)
        beat: dict[str, Any] = {"started_at": now, "beat_at": now, "progressed_at": now}
        WorkerHeartbeat.objects.create(name=f"w{upload.pk}", kind="detection", host="h", pid=1, **beat)
        audit.record("event_reviewed", f"event {event.pk}")


@pytest.mark.parametrize("name", [name for name in NAMES if name != "index"])
def test_a_page_is_for_administrators_alone(client: Client, data_dir: Any, name: str):
    for user in (None, factories.user(), factories.user(is_staff=True)):
        if user:
            client.force_login(user)
        assert client.get(address(name)).status_code in ((403, 405) if user and user.is_staff else (302, 403, 405))
        assert client.post(address(name)).status_code in (302, 403, 405)
        assert client.post(address(name)).get("Location", "/login").startswith(("/login", "/admin/login"))


def test_staff_who_are_no_administrators_get_a_list_instead_of_the_overview(client: Client, data_dir: Any):
    client.force_login(factories.user(is_staff=True))
    content = client.get(address("index")).content
    assert b'id="overview"' not in content
    client.force_login(factories.admin())
    assert b'id="overview"' in client.get(address("index")).content


@pytest.mark.parametrize("name", SHOWN)
def test_a_page_asks_as_often_for_many_rows_as_for_few(boss: Client, name: str):
    asked = []
    for more in (2, 10):
        trouble(more)
        boss.get(shown(name))  # what is asked for once a process is not the page's
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert boss.get(shown(name)).status_code == 200
        asked.append(len(queries))
    assert asked[0] == asked[1]


def shown(name: str) -> str:
    """The address of the newest of its rows."""
    if name == "about":
        return address(name, kind="batch", pk=LogEntry.objects.values_list("batch", flat=True).latest("pk"))
    return address(name, **({"pk": DeadLetter.objects.latest("pk").pk} if name == "dead_letter" else {}))


@pytest.mark.parametrize("name", ["dead_letters", "logs", "logs_tail"])
@pytest.mark.parametrize(
    "question",
    [
        {"cursor": "x"}, {"after": "never"}, {"q": "\0"}, {"level": "LOUD"}, {"upload": "9" * 40}, {"newer_than": "-1"},
        {"newer_than": "٣"}, {"error": "<script>"}, {"queue": "none"}, {"before": "\ud800"},
    ],
)  # fmt: skip
def test_a_hostile_question_is_answered_in_words(boss: Client, name: str, question: dict[str, str]):
    query = {key: value.encode("utf-8", "surrogatepass") for key, value in question.items()}
    answer = boss.get(address(name), query)
    assert answer.status_code in (200, 400)
    assert b'"<script>' not in answer.content


@pytest.mark.parametrize("pk", [0, 2**31, 2**63, 10**30])
@pytest.mark.parametrize("name", ["dead_letter", "logs_line", "about", "revoke_token"])
def test_a_number_of_nothing_is_not_found_or_has_nothing_to_tell(boss: Client, name: str, pk: int):
    assert boss.get(address(name, pk=pk)).status_code in (200, 404)


def test_the_navigation_tells_what_waits_and_never_counts_without_end(boss: Client, monkeypatch: Any):
    trouble(3)
    assert counts.counts()["dead_letters"] == "3"
    monkeypatch.setattr(counts, "MOST", 2)
    assert counts._counted()["unreviewed"] == "2+"
    content = boss.get(address("queues")).content.decode()
    assert 'data-count="dead_letters">3<' in content
    assert 'data-count="alerts"><' in content
    assert boss.get(address("counts")).json() == {"dead_letters": "3", "unreviewed": "3"}
    boss.force_login(factories.user(is_staff=True))
    assert "data-count" not in boss.get(address("index")).content.decode()
