from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from hsi.errors import ConflictError, InvalidRequestError
from hsi.models import ApiToken, digest
from hsi.security.tokens import MAX_TOKENS, create_token, find_token, revoke
from tests import factories

pytestmark = pytest.mark.django_db


def test_only_the_hash_of_a_token_is_kept():
    row, text = create_token(factories.user(), "phone", ["read"])
    row.refresh_from_db()
    assert text.startswith("hsi_")
    assert row.digest == digest(text)
    assert text not in {str(value) for value in vars(row).values()}
    assert row.prefix == text[:8]


def test_two_tokens_are_never_the_same():
    owner = factories.user()
    assert create_token(owner, "a", ["read"])[1] != create_token(owner, "a", ["read"])[1]


@pytest.mark.parametrize(
    ("scopes", "days"), [([], None), (["read", "all"], None), (["read"], 0), (["read"], -1), (["read"], 10**6)]
)
def test_what_makes_no_token_is_refused(scopes: list[str], days: int | None):
    with pytest.raises(InvalidRequestError):
        create_token(factories.user(), "a", scopes, days)
    assert not ApiToken.objects.exists()


def test_a_token_is_found_by_its_text_and_its_use_is_noted_at_most_once_a_minute():
    text = factories.token(factories.user())
    found = find_token(text)
    assert found is not None
    first = ApiToken.objects.get().last_used_at
    assert first is not None
    find_token(text)
    assert ApiToken.objects.get().last_used_at == first
    ApiToken.objects.update(last_used_at=first - timedelta(minutes=2))
    find_token(text)
    assert ApiToken.objects.filter(last_used_at__gte=first).exists()


@pytest.mark.parametrize("values", [{"expires_at": timezone.now()}, {"revoked_at": timezone.now()}])
def test_a_token_that_has_ended_is_not_found(values: dict[str, object]):
    assert find_token(factories.token(factories.user(), **values)) is None


def test_a_token_of_a_deactivated_user_is_not_found():
    assert find_token(factories.token(factories.user(is_active=False))) is None


def test_a_token_that_lasts_days_ends_after_them():
    row, text = create_token(factories.user(), "a", ["read"], 2)
    assert row.expires_at is not None
    assert timedelta(days=2) - timedelta(minutes=1) < row.expires_at - timezone.now() <= timedelta(days=2)
    assert find_token(text) == row


@pytest.mark.parametrize("name", ["Authorization", "X-API-Key"])
def test_a_token_is_taken_from_either_header(client: Client, name: str):
    text = factories.token(factories.admin())
    value = f"Bearer {text}" if name == "Authorization" else text
    assert client.get("/api/cameras", headers={name: value}).status_code == 200


def test_a_token_is_never_taken_from_the_address(client: Client):
    text = factories.token(factories.admin())
    assert client.get("/api/cameras", {"token": text, "X-API-Key": text}).status_code == 401


def test_a_token_sees_what_its_user_sees(client: Client):
    door = factories.camera("door")
    factories.camera("garden")
    text = factories.token(factories.user(sees=door), "admin")
    items = client.get("/api/cameras", headers={"X-API-Key": text}).json()["items"]
    assert [one["id"] for one in items] == ["door"]


@pytest.mark.parametrize(
    ("scope", "reads", "writes"),
    [("read", 200, 403), ("write", 403, 200), ("ingest", 403, 403), ("admin", 200, 200)],
)
def test_a_scope_allows_its_own_and_nothing_else(client: Client, scope: str, reads: int, writes: int):
    event = factories.event()
    headers = {"X-API-Key": factories.token(factories.admin(), scope)}
    path = f"/api/events/{event.pk}"
    assert client.get(path, headers=headers).status_code == reads
    assert client.patch(path, {}, content_type="application/json", headers=headers).status_code == writes


def test_nobody_has_tokens_without_end():
    owner = factories.user()
    for _ in range(MAX_TOKENS):
        factories.token(owner)
    with pytest.raises(ConflictError):
        create_token(owner, "one more", ["read"])
    revoke(ApiToken.objects.filter(user=owner)[0])
    create_token(owner, "one more", ["read"])


def test_a_changed_password_ends_sessions_and_no_tokens(client: Client):
    owner = factories.admin()
    client.force_login(owner)
    text = factories.token(owner)
    owner.set_password("another battery staple")
    owner.save()
    assert client.get("/api/cameras").status_code == 401
    assert client.get("/api/cameras", headers={"X-API-Key": text}).status_code == 200


def test_a_change_through_a_session_needs_its_csrf_token():
    event, admin = factories.event(), factories.admin()
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin)
    path = f"/api/events/{event.pk}"
    refused = client.patch(path, {}, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    client.cookies["csrftoken"] = "a" * 32
    allowed = client.patch(path, {}, content_type="application/json", headers={"X-CSRFToken": "a" * 32})
    assert allowed.status_code == 200
    token = factories.token(admin, "write")
    plain = Client(enforce_csrf_checks=True)
    assert plain.patch(path, {}, content_type="application/json", headers={"X-API-Key": token}).status_code == 200
