"""`/api/tokens`, and the keys of API_KEYS."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from hsi.models import ApiToken
from hsi.security.tokens import find_key
from tests import factories

pytestmark = pytest.mark.django_db

KEY = "a-key-that-nobody-guesses"


def make(client: Client, headers: dict[str, str] | None = None, **values: Any) -> Any:
    asked = {"name": "phone", "scopes": ["write", "read"], **values}
    return client.post("/api/tokens", asked, content_type="application/json", headers=headers or {})


def test_a_person_makes_a_token_sees_its_text_once_and_ends_it(client: Client):
    client.force_login(factories.user())
    made = make(client, days=3)
    assert made.status_code == 201
    assert made["Cache-Control"] == "no-store"
    text = made.json().pop("token")
    assert made.json()["scopes"] == ["read", "write"]
    listed = client.get("/api/tokens")
    assert text not in listed.content.decode()
    (row,) = listed.json()["items"]
    assert (row["name"], row["revoked_at"]) == ("phone", None)
    headers = {"X-API-Key": text}
    assert Client().get("/api/cameras", headers=headers).status_code == 200
    assert client.delete(f"/api/tokens/{row['id']}").status_code == 204
    assert Client().get("/api/cameras", headers=headers).status_code == 401
    revoked = client.get("/api/tokens").json()["items"][0]["revoked_at"]
    assert client.delete(f"/api/tokens/{row['id']}").status_code == 204
    assert client.get("/api/tokens").json()["items"][0]["revoked_at"] == revoked


@pytest.mark.parametrize(
    "values",
    [
        {"name": ""}, {"name": "x" * 81}, {"name": "a\0b"}, {"name": "\ud800"}, {"scopes": []}, {"scopes": ["all"]},
        {"scopes": "read"}, {"scopes": [{}]}, {"days": 0}, {"days": 2**63}, {"days": "soon"},
    ],
)  # fmt: skip
def test_what_makes_no_token_is_said_by_field(client: Client, values: dict[str, Any]):
    client.force_login(factories.user())
    answer = make(client, **values)
    assert (answer.status_code, set(answer.json()["errors"])) == (400, set(values))
    assert not ApiToken.objects.exists()


def test_nobody_sees_or_ends_the_tokens_of_others(client: Client):
    other = ApiToken.objects.get(prefix=factories.token(factories.admin())[:8])
    client.force_login(factories.admin())
    assert client.get("/api/tokens").json()["items"] == []
    for pk in (other.pk, 2**63 - 1, 2**70):
        assert client.delete(f"/api/tokens/{pk}").status_code == 404


@pytest.mark.parametrize(("scope", "status"), [("read", 403), ("write", 403), ("ingest", 403), ("admin", 201)])
def test_a_token_makes_no_stronger_one(client: Client, scope: str, status: int):
    headers = {"X-API-Key": factories.token(factories.user(), scope)}
    assert make(client, headers, scopes=["admin"]).status_code == status
    assert client.get("/api/tokens", headers=headers).status_code == (200 if status == 201 else 403)


@pytest.fixture
def _keys(settings: Any) -> None:
    settings.API_KEY_ENABLED, settings.API_KEYS = True, ["another-key-of-this-house", KEY]
    factories.admin()


@pytest.mark.usefixtures("_keys")
def test_a_key_of_the_setting_reads_and_changes_what_concerns_all_cameras(client: Client):
    event = factories.event()
    headers = {"X-API-Key": KEY}
    assert [one["id"] for one in client.get("/api/events", headers=headers).json()["items"]] == [event.pk]
    path = f"/api/events/{event.pk}"
    changed = client.patch(path, {"reviewed": True}, content_type="application/json", headers=headers)
    assert changed.status_code == 200
    assert client.get("/api/tokens", headers=headers).status_code == 403
    user = User.objects.get(username="api-key")
    assert (user.has_usable_password(), user.is_staff) == (False, False)
    assert client.get("/api/cameras", headers={"X-API-Key": KEY[:-1]}).status_code == 401


@pytest.mark.usefixtures("_keys")
def test_keys_are_closed_when_they_are_off_or_their_user_is_taken(client: Client, settings):
    headers = {"Authorization": f"Bearer {KEY}"}
    settings.API_KEY_ENABLED = False
    assert client.get("/api/cameras", headers=headers).status_code == 401
    settings.API_KEY_ENABLED = True
    assert client.get("/api/cameras", headers=headers).status_code == 200
    User.objects.filter(username="api-key").update(is_active=False)
    assert find_key(KEY) is None
    User.objects.filter(username="api-key").delete()
    factories.user("api-key")
    assert client.get("/api/cameras", headers=headers).status_code == 401
