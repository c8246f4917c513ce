"""The admin: every model is there, machines' rows are only shown, lists stay cheap, and rights hold."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from cameras.models import Camera, CameraGrant, Upload
from events.models import Event
from hsi.admin import base
from hsi.models import ApiToken, CircuitBreaker, QueueJob, StreamMessage, WorkerHeartbeat
from monitoring.models import JobRun
from tests import factories
from tests.everymodel import fill

pytestmark = pytest.mark.django_db

OURS = ("hsi", "cameras", "detection", "events", "monitoring")
# On an operations page or inside another page, or only a counter.
ELSEWHERE = {
    "DeadLetter", "CircuitBreaker", "QueuePause", "LiveSetting", "LogEntry",
    "StreamHead", "CounterValue", "LatencyBucket", "GaugeValue", "IdempotencyRecord", "CoolDown",
    "LastPublishedState", "KnownNetwork", "Judgement", "EventFeedback", "EventBatch", "Track",
}  # fmt: skip
READ_ONLY = (
    "Upload",
    "Detection",
    "Batch",
    "QueueJob",
    "WorkerHeartbeat",
    "StreamMessage",
    "LoginFailure",
    "Delivery",
    "AuditEntry",
    "JobRun",
    "GpuSample",
    "StorageSample",
)
MODELS = {model.__name__: model for model in apps.get_models() if model._meta.app_label in OURS}
LISTED = sorted(set(MODELS) - ELSEWHERE)


@pytest.fixture
def boss(client: Client, webhooks_to_here: None) -> Client:
    client.force_login(factories.admin("boss"))
    return client


@pytest.fixture
def staff() -> User:
    """Staff who may view and change everything, but only where they may see the camera."""
    user = factories.user(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label__in=OURS))
    return user


def page(name: str, kind: str, *args: object) -> str:
    return reverse(f"admin:{MODELS[name]._meta.label_lower.replace('.', '_')}_{kind}", args=args)


def test_every_model_is_registered():
    assert {model.__name__ for model in admin.site._registry if model._meta.app_label in OURS} == set(LISTED)


@pytest.mark.parametrize("name", LISTED)
def test_a_list_asks_as_much_for_many_rows_as_for_few_and_never_counts_them_all(boss: Client, name: str):
    def queries() -> list[str]:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert boss.get(page(name, "changelist")).status_code == 200
        return [query["sql"] for query in captured]

    fill(1)
    queries()  # content types and the like are remembered from now on
    few = queries()
    fill(6)
    many = queries()
    assert len(many) == len(few) <= 8
    assert [sql for sql in many if "COUNT(" in sql and "LIMIT" not in sql] == []


@pytest.mark.parametrize("name", LISTED)
def test_every_row_has_a_page_and_every_list_can_be_searched(boss: Client, name: str):
    fill(1)
    row = MODELS[name]._default_manager.first()
    assert row is not None
    assert boss.get(page(name, "change", quote(row.pk))).status_code == 200
    assert boss.get(page(name, "changelist"), {"q": "1"}).status_code == 200


def found(boss: Client, address: str, words: str) -> list[int]:
    return [row.pk for row in boss.get(address, {"q": words}).context["cl"].result_list]


def test_uploads_are_found_by_number_and_by_words_among_the_newest(boss: Client, monkeypatch: pytest.MonkeyPatch):
    address = reverse("admin:cameras_upload_changelist")
    old, new = (factories.upload(path=f"door/{name}.jpg", sha256=name * 8) for name in ("old", "new"))
    assert found(boss, address, "DOOR/") == [new.pk, old.pk]
    assert found(boss, address, "old" * 8) == [old.pk]
    assert found(boss, address, str(old.pk)) == [old.pk]
    assert found(boss, address, "9" * 30) == found(boss, address, "²") == []
    monkeypatch.setattr(base, "SEARCHED_ROWS", new.pk - old.pk)
    assert found(boss, address, "door/") == [new.pk]
    assert found(boss, address, str(old.pk)) == [old.pk]


def test_detections_are_found_by_label_and_by_the_number_of_their_batch_or_upload(boss: Client):
    address = reverse("admin:detection_detection_changelist")
    cat, dog = (factories.detection(label=label) for label in ("cat", "dog"))
    assert found(boss, address, "cat") == [cat.pk]
    assert dog.pk in found(boss, address, str(dog.upload_id))
    assert dog.pk in found(boss, address, str(dog.batch_id))
    assert found(boss, address, "horse") == []


@pytest.mark.parametrize("name", READ_ONLY)
def test_what_a_machine_writes_is_not_added_changed_or_deleted(boss: Client, name: str):
    fill(1)
    row = MODELS[name]._default_manager.first()
    assert row is not None
    assert boss.get(page(name, "add")).status_code == 403
    assert boss.post(page(name, "change", row.pk), {"state": "x"}).status_code == 403
    assert boss.post(page(name, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert MODELS[name]._default_manager.filter(pk=row.pk).exists()


@pytest.mark.parametrize("name", ["Camera", "Upload", "Detection", "Batch", "Event"])
def test_staff_see_only_rows_of_cameras_they_were_granted(client: Client, staff: User, name: str):
    for identity in ("mine", "theirs"):
        event = factories.event(factories.camera(identity))
        factories.detection(factories.upload(event.camera), event.batches.get())
    CameraGrant.objects.create(camera_id="mine", user=staff)
    client.force_login(staff)
    field = "pk" if name == "Camera" else "camera"
    mine = MODELS[name]._default_manager.get(**{field: "mine"})
    theirs = MODELS[name]._default_manager.get(**{field: "theirs"})
    text = client.get(page(name, "changelist")).content.decode()
    assert "Mine" in text
    assert "Theirs" not in text
    assert client.get(page(name, "change", mine.pk)).status_code == 200
    assert client.get(page(name, "change", theirs.pk)).status_code == 302  # as for a row that does not exist


@pytest.mark.parametrize("name", ["StreamMessage", "Garbage", "AuditEntry", "JobRun"])
def test_rows_that_can_tell_of_any_camera_are_for_administrators(client: Client, staff: User, name: str):
    client.force_login(staff)
    assert client.get(page(name, "changelist")).status_code == 403


def test_a_review_is_stored_and_told_and_nothing_else_of_the_event_is_written(boss: Client):
    event = factories.event(notes="old")
    Event.objects.filter(pk=event.pk).update(summary="judged anew meanwhile")
    sent = {"kept": "on", "notes": "the postman", "risk_score": "1", "summary": "forged", "snooze_until": ""}
    answer = boss.post(page("Event", "change", event.pk), sent)
    assert answer.status_code == 302
    event.refresh_from_db()
    assert (event.kept, event.notes) == (True, "the postman")
    assert (event.risk_score, event.summary) == (70, "judged anew meanwhile")
    message = StreamMessage.objects.get()
    assert (message.type, message.data["notes"]) == ("event.updated", "the postman")


def test_an_open_breaker_is_reset_by_those_who_may(boss: Client, client: Client, staff: User):
    CircuitBreaker.objects.create(name="nemotron", state="open", failures=5, retry_at=timezone.now())
    reset = reverse("admin:reset_breaker", args=["nemotron"])
    staff.user_permissions.remove(Permission.objects.get(codename="change_circuitbreaker"))
    client.force_login(staff)
    assert client.post(reset).status_code == 403
    assert CircuitBreaker.objects.get().state == "open"
    client.force_login(User.objects.get(username="boss"))
    client.post(reset)
    row = CircuitBreaker.objects.get()
    assert (row.state, row.failures) == ("closed", 0)
    assert StreamMessage.objects.get().data["breaker"] == "closed"


def test_many_events_are_reviewed_at_once(boss: Client):
    events = [factories.event() for _ in range(3)]
    chosen = {"action": "mark_reviewed", "_selected_action": [events[0].pk, events[2].pk]}
    boss.post(page("Event", "changelist"), chosen)
    assert list(Event.objects.order_by("pk").values_list("reviewed", flat=True)) == [True, False, True]
    assert StreamMessage.objects.count() == 2


def test_what_was_kept_or_exported_can_be_left_to_retention_again(boss: Client):
    event = factories.event(kept=True, exported_at=factories.NOW)
    boss.post(page("Event", "changelist"), {"action": "release", "_selected_action": [event.pk]})
    event.refresh_from_db()
    assert (event.kept, event.exported_at) == (False, None)


def test_an_event_without_a_verdict_shows_no_score(boss: Client):
    factories.event(analysis="pending")
    text = boss.get(page("Event", "changelist")).content.decode()
    assert "not analysed" in text
    assert "being analysed" in text


def test_a_camera_that_sent_files_is_not_deleted_and_one_that_never_did_is(boss: Client):
    used, unused = factories.upload().camera, factories.camera()
    for camera in (used, unused):
        boss.post(page("Camera", "delete", camera.pk), {"post": "yes"})
    assert set(Camera.objects.all()) == {used}


def test_a_camera_is_renamed_and_keeps_its_folder(boss: Client):
    camera = factories.camera("door")
    form = {"name": "Front door", "time_zone": "Europe/Berlin", "enabled": "on", "id": "other", "folder": "other"}
    grants = {"grants-TOTAL_FORMS": "0", "grants-INITIAL_FORMS": "0"}
    assert boss.post(page("Camera", "change", camera.pk), form | grants).status_code == 302
    assert Camera.objects.values_list("pk", "name", "folder").get() == ("door", "Front door", "door")


def test_what_counts_at_a_camera_is_entered_as_text(boss: Client):
    camera = factories.camera("door", labels=["person"], thresholds={"person": 0.5})
    shown = boss.get(page("Camera", "change", camera.pk)).content.decode()
    assert 'value="person=0.5"' in shown
    grants = {"grants-TOTAL_FORMS": "0", "grants-INITIAL_FORMS": "0"}
    form = {"name": "Door", "enabled": "on", "labels": "Person, car;", "thresholds": "person=0.6, car=1", **grants}
    assert boss.post(page("Camera", "change", camera.pk), form).status_code == 302
    camera.refresh_from_db()
    assert (camera.labels, camera.thresholds, camera.min_sizes) == (["person", "car"], {"person": 0.6, "car": 1}, {})
    for wrong in ({"thresholds": "person"}, {"min_sizes": "person=2"}, {"labels": "x" * 65}):
        assert boss.post(page("Camera", "change", camera.pk), form | wrong).status_code == 200
    camera.refresh_from_db()
    assert camera.thresholds == {"person": 0.6, "car": 1}


def test_a_token_is_revoked_and_its_digest_never_shown(boss: Client):
    factories.token(factories.user())
    token = ApiToken.objects.get()
    for text in (boss.get(page("ApiToken", "changelist")), boss.get(page("ApiToken", "change", token.pk))):
        assert token.digest not in text.content.decode()
    boss.post(page("ApiToken", "changelist"), {"action": "revoke", "_selected_action": [token.pk]})
    token.refresh_from_db()
    assert token.revoked_at is not None
    assert boss.post(page("ApiToken", "delete", token.pk), {"post": "yes"}).status_code == 403


def test_staff_see_only_their_own_tokens(client: Client, staff: User):
    factories.token(factories.user("somebody"))
    client.force_login(staff)
    assert "somebody" not in client.get(page("ApiToken", "changelist")).content.decode()


def test_a_user_with_a_token_can_be_deleted(boss: Client):
    owner = factories.user("leaver")
    factories.token(owner)
    boss.post(reverse("admin:auth_user_delete", args=[owner.pk]), {"post": "yes"})
    assert not User.objects.filter(username="leaver").exists()


def test_the_times_of_a_job_are_shown_as_times(boss: Client):
    QueueJob.objects.create(queue="detection_queue", row_id=1, enqueued_at=1_900_000_000.5, due_at=0)
    assert "March 17, 2030" in boss.get(page("QueueJob", "changelist")).content.decode().replace("Mar. ", "March ")


def test_a_worker_that_fell_silent_does_not_look_well(boss: Client):
    then = timezone.now() - timedelta(hours=1)
    times: dict[str, Any] = {"started_at": then, "beat_at": then, "progressed_at": then}
    WorkerHeartbeat.objects.create(name="w", kind="detection", host="h", pid=1, **times)
    text = boss.get(page("WorkerHeartbeat", "changelist")).content.decode()
    assert '<span class="hsi-badge hsi-bad">silent</span>' in text


def test_names_from_outside_are_escaped(boss: Client):
    camera = factories.camera(name="<script>alert(1)</script>")
    factories.upload(camera, path="x/<script>alert(2)</script>.jpg", state=Upload.State.REJECTED, reason="<script>")
    for name in ("Camera", "Upload"):
        text = boss.get(page(name, "changelist")).content.decode()
        assert "<script>alert" not in text
        assert "&lt;script&gt;" in text


def test_every_name_that_a_job_has_had_can_be_chosen(boss: Client):
    from monitoring.admin import JobFilter
    from monitoring.retention.schedule import Retention

    housekeeping = {task.name for task in Retention()._tasks}
    assert housekeeping | {"reconcile", "requeue dead letters", "discard dead letters", "habits"} == set(
        JobFilter.values
    )
    for name in ("prune", "storage"):
        JobRun.objects.create(name=name, started_at=timezone.now())
    listed = boss.get(page("JobRun", "changelist"), {"name": "prune"}).context["cl"].result_list
    assert [run.name for run in listed] == ["prune"]
