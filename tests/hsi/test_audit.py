from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from cameras.models import Camera, CameraGrant
from events.models import Event
from hsi import audit
from hsi.models import ApiToken, AppendOnlyError, AuditEntry, CircuitBreaker
from hsi.outbound.shared_breaker import get_breaker
from hsi.security import tokens
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(factories.admin("boss"))
    return client


def entry(action: str) -> AuditEntry:
    return AuditEntry.objects.get(action=action)


def test_an_entry_is_never_changed_and_not_deleted_alone():
    audit.record("tested", "thing 1", before={"password": "x"}, after="with \0 and \ud800")
    row = entry("tested")
    assert (row.before, row.after) == ({"password": "********"}, r"with  and \ud800")
    with pytest.raises(AppendOnlyError):
        row.save()
    with pytest.raises(AppendOnlyError):
        row.delete()


def test_the_database_itself_refuses_to_change_an_entry():
    audit.record("tested", "thing 1")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEntry.objects.update(user="somebody else")
    assert AuditEntry.objects.exclude(user="somebody else").count() == 1


def test_a_review_is_an_entry_with_who_and_from_where(boss: Client):
    event = factories.event(notes="old")
    answer = boss.patch(
        f"/api/events/{event.pk}",
        {"notes": "new", "reviewed": False},
        "application/json",
        headers={"X-Request-ID": "r-1"},
    )
    assert answer.status_code == 200
    row = entry("event_reviewed")
    assert (row.user, row.token, row.address, row.request_id) == ("boss", "", "127.0.0.1", "r-1")
    assert (row.object, row.before, row.after) == (f"event {event.pk}", {"notes": "old"}, {"notes": "new"})
    boss.patch(f"/api/events/{event.pk}", {"notes": "new"}, "application/json")
    assert AuditEntry.objects.filter(action="event_reviewed").count() == 1  # nothing changed


def test_a_token_that_changes_something_is_named(client: Client):
    text = factories.token(factories.admin("ann"), "write")
    event = factories.event()
    client.patch(
        f"/api/events/{event.pk}", {"reviewed": True}, "application/json", headers={"Authorization": f"Bearer {text}"}
    )
    row = entry("event_reviewed")
    assert (row.user, row.token) == ("ann", f"a test ({text[:8]}…)")
    assert text not in str(row.__dict__)


def test_a_change_that_fails_leaves_no_entry(monkeypatch: pytest.MonkeyPatch, boss: Client):
    event = factories.event()

    def fail(*arguments: Any) -> None:
        raise DatabaseError("no")

    monkeypatch.setattr("hsi.outbox.publish.publish", fail)
    boss.raise_request_exception = False
    assert boss.patch(f"/api/events/{event.pk}", {"reviewed": True}, "application/json").status_code == 500
    assert not AuditEntry.objects.filter(action="event_reviewed").exists()
    assert not Event.objects.get().reviewed


def test_nobody_acts_for_a_request_that_is_over(boss: Client):
    boss.get("/api/events")
    audit.record("tested", "thing 1")
    assert entry("tested").user.endswith("(command line)")


def test_tokens_and_grants_made_and_taken_by_command_are_entries():
    user, camera = factories.user("ann"), factories.camera("door")
    call_command("create_token", "ann", "--name", "scraper", "--scope", "read")
    tokens.revoke(ApiToken.objects.get())
    assert not tokens.revoke(ApiToken.objects.get())
    for _ in range(2):
        call_command("grant_camera", "ann", camera.pk)
    for _ in range(2):
        call_command("revoke_camera", "ann", camera.pk)
    actions = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
    assert actions == ["token_created", "token_revoked", "grant_created", "grant_revoked"]
    made = entry("token_created")
    assert made.after == {"user": user.username, "name": "scraper", "scopes": ["read"], "expires_at": None}
    assert made.user.endswith("(command line)")


def test_a_breaker_that_is_reset_is_an_entry_and_one_that_was_closed_is_none():
    CircuitBreaker.objects.create(name="nemotron", state="open", failures=5, last_error="refused")
    assert get_breaker("nemotron").reset()
    assert not get_breaker("nemotron").reset()
    assert entry("breaker_reset").before == {"state": "open", "failures": 5, "last_error": "refused"}


def test_changes_in_the_admin_are_entries_with_what_was_before(boss: Client):
    camera = factories.camera("door")
    form = {"name": "Front door", "time_zone": "", "clock_correction_seconds": "0", "enabled": "on"}
    grants = {
        "grants-TOTAL_FORMS": "1", "grants-INITIAL_FORMS": "0", "grants-0-user": str(factories.user("ann").pk),
        "grants-0-camera": "door",
    }  # fmt: skip
    assert boss.post(reverse("admin:cameras_camera_change", args=["door"]), form | grants).status_code == 302
    row = entry("camera_changed")
    assert (row.user, row.object, row.before) == ("boss", "camera door", {"name": "Door"})
    assert row.after is not None
    assert row.after["name"] == "Front door"
    assert "ann" in str(row.after["rows"])
    assert CameraGrant.objects.count() == 1
    boss.post(reverse("admin:cameras_camera_delete", args=[camera.pk]), {"post": "yes"})
    assert entry("camera_deleted").before == {"name": "Front door"}
    assert not Camera.objects.exists()


def test_users_made_in_the_admin_are_entries_without_their_password(boss: Client):
    secret = "a long passphrase 7"
    form = {"username": "ann", "password1": secret, "password2": secret, "usable_password": "true"}
    assert boss.post(reverse("admin:auth_user_add"), form).status_code == 302
    row = entry("user_added")
    assert row.after is not None
    assert row.after["username"] == "ann"
    assert secret not in str(row.__dict__)


def test_an_administrator_made_by_command_is_an_entry(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "a long passphrase 7")
    call_command("createsuperuser", interactive=False, username="ann", email="", stdout=StringIO())
    row = entry("user_created")
    assert (row.object, row.after) == ("user ann", {"administrator": True})
    assert row.user.endswith("(command line)")
    factories.user("ben")
    assert AuditEntry.objects.filter(action="user_created").count() == 1


def test_a_password_that_is_set_is_an_entry_without_it(client: Client, monkeypatch: pytest.MonkeyPatch):
    secret = "a long passphrase 7"
    ann = factories.admin("ann")
    monkeypatch.setattr("getpass.getpass", lambda **_: secret)
    call_command("changepassword", "ann", stdout=StringIO())
    assert entry("password_set").object == "user ann"
    AuditEntry.objects.all().delete()
    client.force_login(ann)
    ann.refresh_from_db()
    assert ann.check_password(secret)
    client.force_login(ann)
    form = {"old_password": secret, "new_password1": f"{secret}8", "new_password2": f"{secret}8"}
    assert client.post(reverse("change_password"), form).status_code == 302
    row = entry("password_set")
    assert (row.user, row.object) == ("ann", "user ann")
    assert secret not in str(row.__dict__)


@pytest.mark.parametrize("whose", ["one's own", "another's"])
def test_no_password_is_set_without_its_entry(whose: str, client: Client, monkeypatch: pytest.MonkeyPatch):
    ann, secret = factories.admin("ann"), "a long passphrase 7"
    ann.set_password(secret)
    ann.save()
    client.force_login(ann)
    client.raise_request_exception = False

    def full(*_: Any, **__: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("hsi.security.login.audit.record", full)
    form = {"new_password1": f"{secret}8", "new_password2": f"{secret}8"}
    if whose == "one's own":
        answer = client.post(reverse("change_password"), form | {"old_password": secret})
    else:
        answer = client.post(
            reverse("admin:auth_user_password_change", args=[ann.pk]),
            {"password1": f"{secret}8", "password2": f"{secret}8", "usable_password": "true"},
        )
    assert answer.status_code == 500
    ann.refresh_from_db()
    assert ann.check_password(secret)


def test_old_entries_go_by_retention(settings: Any):
    from monitoring.retention import records

    audit.record("tested", "thing 1")
    at = entry("tested").created_at
    settings.AUDIT_RETENTION_DAYS = 10
    list(records.forget(at + timedelta(days=9)))
    assert AuditEntry.objects.count() == 1
    list(records.forget(at + timedelta(days=11)))
    assert AuditEntry.objects.count() == 0
