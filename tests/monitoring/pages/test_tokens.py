"""Making and revoking tokens in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from hsi.models import ApiToken, AuditEntry, digest
from hsi.security import tokens
from hsi.security.login import SCOPES
from tests import factories

pytestmark = pytest.mark.django_db

NEW = "/admin/tokens/new"
ASKED: dict[str, Any] = {"name": "Home Assistant", "user": "ann", "scopes": ["read", "write"], "days": "30"}


@pytest.fixture(autouse=True)
def ann() -> None:
    factories.user("ann")


def test_a_token_is_shown_once_and_works(boss: Client):
    answer = boss.post(NEW, ASKED)
    text = answer.context["text"]
    assert f'value="{text}"' in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    token = ApiToken.objects.get(digest=digest(text))
    assert (token.user.username, token.name, token.scopes) == ("ann", "Home Assistant", ["read", "write"])
    assert token.expires_at
    assert Client().get("/api/cameras", headers={"Authorization": f"Bearer {text}"}).status_code == 200
    entry = AuditEntry.objects.get(action="token_created")
    assert (entry.user, text in str(entry.after)) == ("boss", False)
    assert text not in boss.get("/admin/hsi/apitoken/").content.decode()


def test_each_scope_is_explained_and_one_without_an_end_can_be_made(boss: Client):
    assert tuple(SCOPES) == tokens.SCOPES
    assert 'value="read" checked' in boss.get(NEW).content.decode()
    boss.post(NEW, ASKED | {"days": ""})
    assert ApiToken.objects.get().expires_at is None


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"scopes": []}, "Scopes: This field is required."),
        ({"scopes": ["root"]}, "Scopes: Select a valid choice."),
        ({"user": "nobody"}, "User: Select a valid choice."),
        ({"days": "0"}, "Days: Ensure this value is greater than or equal to 1."),
        ({"days": "soon"}, "Days: Enter a whole number."),
        ({"name": ""}, "Name: This field is required."),
        ({"name": "<b>" * 40}, "Name: Ensure this value has at most 80 characters"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_entered_stays(boss: Client, wrong: dict[str, Any], says: str):
    page = boss.post(NEW, ASKED | wrong).content.decode()
    assert says in page
    assert "<option selected>ann" in page or "user" in wrong
    assert "<b><b>" not in page
    assert not ApiToken.objects.exists()


def test_more_than_anybody_can_tell_apart_are_refused(boss: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tokens, "MAX_TOKENS", 1)
    boss.post(NEW, ASKED)
    assert "Revoke one first." in boss.post(NEW, ASKED).content.decode()
    assert ApiToken.objects.count() == 1
