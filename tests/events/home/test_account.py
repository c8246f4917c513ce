"""The page of one's own account."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from hsi.models import ApiToken, AuditEntry
from hsi.security.roles import Role
from tests import factories

pytestmark = pytest.mark.django_db

NEW = "another long and winding phrase"


@pytest.fixture
def anna() -> User:
    return factories.user("anna", role=Role.VIEWER, sees=factories.camera("door", name="The door"))


def signed_in(name: str = "anna") -> Client:
    client = Client()
    assert client.login(username=name, password=factories.PASSWORD)
    return client


def change(client: Client, old: str = factories.PASSWORD, new: str = NEW, again: str = "") -> Any:
    form = {"old_password": old, "new_password1": new, "new_password2": again or new}
    return client.post("/account/password", form)


def test_it_says_who_one_is_and_which_cameras_one_sees(anna: User):
    factories.camera("bedroom", name="The bedroom")
    text = signed_in().get("/account").content.decode()
    assert "anna" in text
    assert '<b class="role">viewer</b>' in text
    assert "The door" in text
    assert "The bedroom" not in text


def test_somebody_just_made_is_a_viewer_without_cameras():
    factories.user("carl", role=None)
    text = signed_in("carl").get("/account").content.decode()
    assert '<b class="role">viewer</b>' in text
    assert "None yet. An administrator can grant cameras" in text


def test_a_changed_password_keeps_this_session_with_a_new_key_ends_the_others_and_is_audited(anna: User):
    here, elsewhere = signed_in(), signed_in()
    before = here.cookies["sessionid"].value
    assert change(here).status_code == 302
    assert here.cookies["sessionid"].value != before
    assert "Your password is changed." in here.get("/account").content.decode()
    assert elsewhere.get("/account").status_code == 302
    anna.refresh_from_db()
    assert anna.check_password(NEW)
    entry = AuditEntry.objects.get(action="password_set")
    assert (entry.user, entry.object) == ("anna", "user anna")
    assert NEW not in str(AuditEntry.objects.values())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"old": "wrong"}, "Your old password was entered incorrectly"),
        ({"new": "short"}, "too short"),
        ({"new": "8273640192837465"}, "entirely numeric"),
        ({"again": "something else altogether"}, "match"),
    ],
)
def test_a_password_that_will_not_do_is_refused(anna: User, given: dict[str, str], said: str):
    answer = change(signed_in(), **given)
    assert said in answer.content.decode()
    anna.refresh_from_db()
    assert anna.check_password(factories.PASSWORD)


def test_a_stolen_session_cannot_guess_the_old_password_without_end(anna: User, settings: Any):
    settings.LOGIN_FAILURE_LIMIT = 3
    thief = signed_in()
    assert [change(thief, old=f"guess {one}").status_code for one in range(4)] == [200, 200, 200, 429]
    assert change(thief).status_code == 429


def test_the_admins_own_pages_for_this_lead_here():
    factories.admin("boss")
    boss = signed_in("boss")
    for path in ("/admin/password_change/", "/admin/password_change/done/"):
        assert boss.get(path)["Location"] == "/account"
    assert boss.get("/admin/login/")["Location"] == "/admin/"


def test_a_token_is_made_shown_once_and_revoked(anna: User):
    client = signed_in()
    form = {"name": "phone", "scopes": ["read"], "days": "30"}
    answer = client.post("/account/tokens", form)
    text = answer.content.decode().partition('readonly value="hsi_')[2].partition('"')[0]
    assert "no-store" in answer["Cache-Control"]
    assert Client().get("/api/cameras", headers={"X-API-Key": f"hsi_{text}"}).status_code == 200
    again = client.get("/account").content.decode()
    assert "phone" in again
    assert text not in again
    token = ApiToken.objects.get()
    assert client.post(f"/account/tokens/{token.pk}/revoke").status_code == 302
    assert Client().get("/api/cameras", headers={"X-API-Key": f"hsi_{text}"}).status_code == 401
    assert list(client.get("/account").context["tokens"]) == []


@pytest.mark.parametrize("form", [{}, {"name": "x"}, {"name": "x", "scopes": ["all"]}, {"name": "x", "days": "0"}])
def test_a_token_that_makes_no_sense_is_not_made(anna: User, form: dict[str, Any]):
    assert signed_in().post("/account/tokens", form).status_code == 200
    assert not ApiToken.objects.exists()


def test_anothers_token_is_neither_listed_nor_revoked(anna: User):
    factories.token(factories.user("bert"))
    token = ApiToken.objects.get()
    ApiToken.objects.update(name="of bert")
    client = signed_in()
    assert "of bert" not in client.get("/account").content.decode()
    assert client.post(f"/account/tokens/{token.pk}/revoke").status_code == 404
    token.refresh_from_db()
    assert token.revoked_at is None


def test_a_token_does_not_open_it(anna: User):
    headers = {"X-API-Key": factories.token(anna, "admin")}
    assert Client().get("/account", headers=headers).status_code == 403


def test_names_from_outside_are_escaped():
    user = factories.user("eve<script>", sees=factories.camera(name="<script>alert(1)</script>"))
    factories.token(user)
    ApiToken.objects.update(name="<script>alert(2)</script>")
    client = Client()
    client.force_login(user)
    assert "<script>alert" not in client.get("/account").content.decode()
