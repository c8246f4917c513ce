"""What is made of what a camera saw tells of that camera alone, also where the language model quotes all it is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import transaction
from django.test import Client

from cameras.models import Camera, CameraGrant
from detection.models import Batch
from events import actions
from events.analyzers import ANALYZERS
from events.loops import loops
from events.models import Delivery, Event, Judgement
from events.notifications import content
from hsi.models import DeadLetter, QueueJob, StreamMessage
from hsi.queues import ANALYSIS_QUEUE, FAST_PATH_QUEUE, get_queue
from hsi.security.roles import Role, set_role
from tests import factories
from tests.peers.llm import LlmPeer, Reply, Request, verdict_text

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("webhooks_to_here", "data_dir")]

# No word of these stands in anything else that is shown.
SECRETS = ("nursery", "twins", "plush", "rattle")
READ = (
    "/", "/api/cameras", "/api/uploads", "/api/detections", "/api/detections?label=plush+rabbit", "/api/events",
    "/api/events?q=asked", "/api/events?q=person&order=rank", "/api/events/stats", "/api/events/timeline",
    "/api/events/trash",
    "/api/events/export", "/api/events/export?format=json", "/api/alerts", "/api/system/health", "/api/schema",
    "/api/schema/stream", "/api/events/{event}", "/api/events/{event}/detections", "/api/events/{event}/nearby",
    "/admin/events/event/", "/admin/events/event/{event}/change/", "/admin/events/alert/",
    "/admin/events/alert/{alert}/change/", "/api/alerts/{alert}",
)  # fmt: skip


class Quoting(LlmPeer):
    """Says as much of what it was asked as its answer has room for."""

    def reply_to(self, request: Request) -> Reply:
        if request.method == "POST":
            asked = json.dumps(request.body["messages"][-1]["content"].partition("DATA>>>")[0])
            listed = asked[asked.find("- +") :][:280]
            self.default = verdict_text(summary=f"It asked: {listed}", reasoning=f"It was asked: {asked}")
        return super().reply_to(request)


@pytest.fixture
def peer(settings: Any) -> Iterator[LlmPeer]:
    with Quoting() as peer:
        settings.ANALYZER, settings.NEMOTRON_URL, settings.NEMOTRON_API = "llm", peer.url, "openai"
        yield peer
        ANALYZERS.close()


@pytest.fixture
def nursery() -> Camera:
    return factories.camera("nursery_7", name="Nursery of the twins", time_zone="Asia/Tokyo")


@pytest.fixture
def porch() -> Camera:
    return factories.camera("porch", name="Porch")


def seen(by: Camera, label: str, seconds: int, **values: Any) -> Batch:
    """Something was seen, and the batch of it is closed."""
    at = factories.NOW + timedelta(seconds=seconds)
    times = {"started_at": at, "ended_at": at + timedelta(seconds=5)}
    batch = factories.batch(by, state=Batch.State.CLOSED, detection_count=1, upload_count=1, **times, **values)
    factories.detection(factories.upload(by, captured_at=at), batch, label=label)
    return batch


def told_at_once(batch: Batch) -> None:
    get_queue(FAST_PATH_QUEUE).put(batch.pk)
    loops()[0].run(once=True)


def judged(batch: Batch) -> Event:
    get_queue(ANALYSIS_QUEUE).put(batch.pk)
    QueueJob.objects.update(due_at=0)
    loops()[1].run(drain=True)
    return Event.objects.get(batches=batch)


def story(nursery: Camera, porch: Camera) -> Event:
    """Both cameras see something within a minute, twice; of the porch's last event everybody is told."""
    channel = factories.channel(name="Grandparents of the twins")
    factories.rule(channel, name="Porch or nursery", cameras=[porch.pk, nursery.pk])
    judged(seen(nursery, "plush rabbit", 0))
    judged(seen(porch, "person", 10))
    told_at_once(seen(nursery, "rattle", 20, is_fast_path=True))
    last = seen(porch, "person", 30)
    told_at_once(last)
    event = judged(last)
    with transaction.atomic():
        actions.request_reanalysis(event)
    return judged(last)


def viewer(of: Camera) -> Client:
    """Let into the admin too, with every right on what is stored of events."""
    user = factories.user(sees=of)
    set_role(user, Role.VIEWER)
    user.is_staff = True
    user.save()
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="events", codename__startswith="view"))
    client = Client()
    client.force_login(user)
    return client


def text_of(client: Client, address: str) -> str:
    answer: Any = client.get(address)
    assert answer.status_code == 200, address
    return (b"".join(answer.streaming_content) if answer.streaming else answer.content).decode()


def leaks(text: str) -> list[str]:
    return [word for word in SECRETS if word in text.lower()]


def test_who_sees_one_camera_reads_nothing_of_another_anywhere(peer: LlmPeer, nursery: Camera, porch: Camera):
    event = story(nursery, porch)
    assert (event.risk_source, event.analysis) == ("llm", "done")
    assert "It was asked" in event.reasoning
    client = viewer(porch)
    (alert,) = event.alerts.all()
    addresses = [address.format(event=event.pk, alert=alert.pk) for address in READ]
    assert {address: found for address in addresses if (found := leaks(text_of(client, address)))} == {}
    assert json.loads(text_of(client, f"/api/events/{event.pk}/nearby"))["items"] == []
    for word in SECRETS:
        assert json.loads(text_of(client, f"/api/events?q={word}*"))["items"] == []


def test_nothing_that_is_stored_sent_or_asked_about_a_camera_names_another(
    peer: LlmPeer, nursery: Camera, porch: Camera
):
    event = story(nursery, porch)
    asked = [json.dumps(one.body) for one in peer.judgements]
    assert [len([one for one in asked if word in one]) for word in ("Porch", "Nursery")] == [3, 2]
    assert not any("Porch" in one and leaks(one) for one in asked)
    rows: list[Any] = list(Event.objects.filter(camera=porch).values())
    rows += Judgement.objects.filter(event__camera=porch).values()
    rows += StreamMessage.objects.filter(camera=porch.pk).values()
    assert leaks(repr(rows)) == []
    deliveries = Delivery.objects.filter(alert__event=event).select_related("alert__event__camera")
    for told in map(content.notification_of, deliveries):
        assert leaks(f"{told.title} {told.text} {told.body.decode()}") == []
    assert deliveries.exists()


def test_rules_judge_from_one_camera_too(settings: Any, nursery: Camera, porch: Camera):
    settings.ANALYZER = "rules"
    alone = judged(seen(porch, "person", -4 * 3600))  # the same day makes no habit
    seen(nursery, "person", 25)
    beside = judged(seen(porch, "person", 30))
    assert (beside.risk_score, beside.reasoning) == (alone.risk_score, alone.reasoning)


def test_what_waits_and_is_silent_elsewhere_is_not_counted(nursery: Camera, porch: Camera):
    batch = seen(nursery, "rattle", 0)
    factories.event(batch=batch, analysis="pending")
    factories.upload(nursery, state="waiting")
    for queue, row in (("detection_queue", factories.upload(nursery, state="dead")), ("analysis_queue", batch)):
        factories.dead_letter(queue=queue, row_id=row.pk)
    factories.delivery(factories.alert(factories.event(nursery)), factories.channel())
    get_queue(ANALYSIS_QUEUE).put(batch.pk)
    Camera.objects.filter(pk=nursery.pk).update(offline_since=factories.NOW)
    theirs, mine, everything = health(viewer(porch)), health(viewer(nursery)), health(boss())
    assert set(theirs["waiting"].values()) == {0}
    assert mine["waiting"] == everything["waiting"]
    assert set(everything["waiting"].values()) == {0, 1, 2}
    assert theirs["checks"]["cameras"]["status"] == "healthy"
    assert [one["checks"]["cameras"]["status"] for one in (mine, everything)] == ["degraded"] * 2
    assert not any(digit in theirs["checks"]["queues"]["detail"] for digit in "0123456789")
    assert "analysis_queue 1" in everything["checks"]["queues"]["detail"]
    assert DeadLetter.objects.count() == 2


def health(client: Client) -> dict[str, Any]:
    answer: dict[str, Any] = client.get("/api/system/health").json()
    return answer


def boss() -> Client:
    client = Client()
    client.force_login(factories.admin())
    return client


def test_what_other_cameras_saw_is_shown_by_the_rights_of_now(nursery: Camera, porch: Camera):
    event = factories.event(porch)
    factories.detection(factories.upload(nursery, captured_at=factories.NOW), label="plush rabbit")
    client = viewer(porch)
    page, listed = f"/admin/events/event/{event.pk}/change/", f"/api/events/{event.pk}/nearby"
    for granted in (False, True, False):
        if granted:
            CameraGrant.objects.create(camera=nursery, user_id=client.session["_auth_user_id"])
        else:
            CameraGrant.objects.filter(camera=nursery).delete()
        assert bool(leaks(text_of(client, page))) is granted
        assert bool(json.loads(text_of(client, listed))["items"]) is granted
