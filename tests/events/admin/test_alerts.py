"""Alerts and their rules in the admin: who handles them, how many at once, and what a form offers."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from cameras.models import CameraGrant
from events.models import Alert, AlertRule
from hsi.admin import base
from hsi.models import AuditEntry, StreamMessage
from hsi.security.roles import Role, set_role
from tests import factories

pytestmark = pytest.mark.django_db

LIST = "/admin/events/alert/"
RULE = "/admin/events/alertrule/add/"


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(factories.admin("boss"))
    return client


def handled(client: Client, action: str, *alerts: Alert) -> str:
    """What the page says after `action` was done to the alerts chosen in the list."""
    chosen = {"action": action, "_selected_action": [alert.pk for alert in alerts]}
    return client.post(LIST, chosen, follow=True).content.decode()


def test_many_are_handled_at_once_in_bounded_numbers(boss: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(base, "ACTED_ON_AT_ONCE", 2)
    alerts = [factories.alert() for _ in range(3)]
    assert "2 dismissed. There are more: do it again." in handled(boss, "dismiss", *alerts)
    assert "1 dismissed." in handled(boss, "dismiss", *alerts)
    assert "0 dismissed." in handled(boss, "dismiss", *alerts)
    assert set(Alert.objects.values_list("status", "handled_by")) == {("dismissed", "boss")}
    assert AuditEntry.objects.filter(action="alert_dismissed", user="boss").count() == 3
    assert StreamMessage.objects.filter(type="alert.updated").count() == 3


@pytest.mark.parametrize(("role", "may"), [(Role.VIEWER, False), (Role.OPERATOR, True)])
def test_a_viewer_looks_and_an_operator_handles(client: Client, role: Role, may: bool):
    alert, elsewhere = factories.alert(), factories.alert()
    user = factories.user()
    set_role(user, role)
    user.is_staff = True
    user.save()
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="events"))
    CameraGrant.objects.create(camera=alert.camera, user=user)
    client.force_login(user)
    handled(client, "acknowledge", alert, elsewhere)
    assert Alert.objects.get(pk=alert.pk).status == ("acknowledged" if may else "open")
    assert Alert.objects.get(pk=elsewhere.pk).status == "open"
    page = client.get(f"{LIST}{alert.pk}/change/")
    assert b'name="_save"' not in page.content
    assert client.get(f"{LIST}{elsewhere.pk}/change/").status_code == 302


def test_one_is_handled_on_the_page_of_its_event(boss: Client):
    alert, other = factories.alert(), factories.alert()
    page = f"/admin/events/event/{alert.event_id}"
    shown = boss.get(f"{page}/change/").content.decode()
    assert 'value="acknowledged"' in shown
    assert 'value="dismissed"' in shown
    said = boss.post(f"{page}/alert", {"alert": alert.pk, "status": "acknowledged"}, follow=True).content.decode()
    assert f"Alert {alert.pk} is acknowledged." in said
    assert 'value="acknowledged"' not in said
    nonsense: list[dict[str, Any]] = [
        {}, {"alert": other.pk, "status": "dismissed"}, {"alert": alert.pk, "status": "open"},
        {"alert": "9" * 40, "status": "dismissed"}, {"alert": "٣", "status": "dismissed"},
    ]  # fmt: skip
    for sent in nonsense:
        assert "Not changed" in boss.post(f"{page}/alert", sent, follow=True).content.decode()
    assert Alert.objects.get(pk=alert.pk).status == "acknowledged"
    assert Alert.objects.get(pk=other.pk).status == "open"


def test_a_rule_offers_what_there_is_and_keeps_what_is_gone(boss: Client):
    door = factories.camera("door", name="Front <door>")
    factories.zone(door, id="lawn", name="Lawn")
    rule = factories.rule(zones=["lawn", "old"], cameras=["attic"])
    place = f"/admin/events/alertrule/{rule.pk}/change/"
    page = boss.get(place).content.decode()
    for words in ("Lawn (Front &lt;door&gt;)", "old (gone)", "attic (gone)", "Front &lt;door&gt;"):
        assert words in page
    sent = {
        "name": "r", "severity": "low", "min_risk": 0, "labels": "person", "min_confidence": 0, "cooldown_seconds": 0,
        "dedup_key": "{camera}", "zones": ["lawn", "old"], "cameras": ["attic"],
        "min_stay_seconds": 30, "crossing": "entered", "min_people": 0,
    }  # fmt: skip
    assert boss.post(place, sent).status_code == 302
    rule.refresh_from_db()
    assert (rule.labels, rule.zones, rule.cameras) == (["person"], ["lawn", "old"], ["attic"])
    assert "entered a zone" in boss.get("/admin/events/alertrule/").content.decode()
    assert boss.post(RULE, sent | {"zones": ["nowhere"]}).status_code == 200
    assert "needs at least one zone" in boss.post(RULE, sent | {"zones": []}).content.decode()
    assert AlertRule.objects.count() == 1
