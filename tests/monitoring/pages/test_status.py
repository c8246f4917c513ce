"""What needs somebody, on the overview: notifications that reached nobody."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from monitoring.pages.status import delivery_issues
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("webhooks_to_here")]


def test_by_channel_what_was_given_up_within_a_day_and_what_is_still_tried(client: Client):
    now = timezone.now()
    phone, mail = factories.channel(name="phone"), factories.channel(name="mail")
    dead: dict[str, Any] = {"state": "dead", "due_at": None}
    for hours, error in ((25, "long ago"), (3, "first"), (2, "502")):
        at = now - timedelta(hours=hours)
        factories.delivery(factories.alert(), phone, **dead, last_error=error, created_at=at)
    factories.delivery(factories.alert(), mail, state="failed", attempts=2, last_error="no answer", created_at=now)
    factories.delivery(factories.alert(), mail)
    factories.delivery(factories.alert(), mail, state="sent", due_at=None, sent_at=now)
    given_up, tried = delivery_issues(now)
    assert (given_up.tone, given_up.what) == ("bad", "2 notifications given up: phone")
    assert given_up.why.endswith("502")
    assert (tried.tone, tried.what) == ("warn", "1 notification not sent yet: mail")
    assert tried.why.endswith("no answer")
    client.force_login(factories.admin())
    for trouble, rows in ((given_up, 3), (tried, 1)):
        listed = client.get(trouble.link)
        assert listed.status_code == 200
        assert listed.content.count(b'name="_selected_action"') == rows


def test_where_all_were_told_nothing_is_said():
    channel = factories.channel()
    factories.delivery(factories.alert(), channel)
    factories.delivery(factories.alert(), channel, state="sent", due_at=None, sent_at=timezone.now())
    assert delivery_issues(timezone.now()) == []
