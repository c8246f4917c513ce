from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from hsi.errors import LockedOutError
from hsi.models import KnownNetwork, LoginFailure
from hsi.security import known_clients
from hsi.security.known_clients import Device
from hsi.security.lockout import hashed, reserve, window
from tests import factories

pytestmark = pytest.mark.django_db

NOW = factories.NOW


@pytest.fixture(autouse=True)
def _limit(settings: Any) -> None:
    settings.LOGIN_FAILURE_LIMIT = 3


def sign_in(name: str, password: str = "wrong", address: str = "192.0.2.1", **headers: str) -> Any:
    client = Client(REMOTE_ADDR=address)
    return client.post("/login", {"username": name, "password": password}, headers=headers)


@pytest.mark.parametrize("name", ["anna", "nobody"])
def test_after_so_many_wrong_passwords_a_client_waits_whether_there_is_such_a_user_or_not(name: str):
    factories.user("anna")
    assert [sign_in(name).status_code for _ in range(3)] == [200] * 3
    page = sign_in(name, factories.PASSWORD)
    assert page.status_code == 429
    assert "Try again in 15 minutes." in page.content.decode()
    problem = sign_in(name, factories.PASSWORD, Accept="application/json")
    assert (problem.status_code, problem.json()["code"]) == (429, "LOGIN_LOCKED")
    assert 890 <= int(problem["Retry-After"]) <= 900


def test_another_address_is_not_kept_out_and_neither_is_another_name():
    factories.user("anna")
    factories.user("bert")
    for _ in range(4):
        sign_in("anna")
    assert sign_in("anna", factories.PASSWORD, "192.0.2.2").status_code == 302
    assert sign_in("bert", factories.PASSWORD).status_code == 302


def test_an_address_that_tries_many_names_is_kept_out_of_all_of_them():
    factories.user("anna")
    for one in range(12):
        assert sign_in(f"name{one}").status_code == 200
    assert sign_in("anna", factories.PASSWORD).status_code == 429


def test_a_right_password_forgets_the_wrong_ones_of_its_name():
    factories.user("anna")
    for _ in range(3):
        assert [sign_in("anna").status_code for _ in range(2)] == [200, 200]
        assert sign_in("Anna".lower(), factories.PASSWORD).status_code == 302
    assert not LoginFailure.objects.exists()


def test_the_admin_has_no_form_of_its_own_to_go_round_it():
    factories.user("anna")
    client = Client(REMOTE_ADDR="192.0.2.1")
    client.force_login(factories.user())
    form = {"username": "anna", "password": factories.PASSWORD}
    assert client.post("/admin/login/", form).status_code == 403
    assert client.get("/account").context["user"].get_username() != "anna"


def test_a_lock_ends_by_itself_and_old_failures_are_removed():
    for second in range(3):
        reserve("anna", "192.0.2.1", NOW + timedelta(seconds=second))
    with pytest.raises(LockedOutError) as caught:
        reserve("anna", "192.0.2.1", NOW + timedelta(minutes=1))
    assert caught.value.retry_after_seconds == 14 * 60
    assert LoginFailure.objects.count() == 3  # to ask while locked out makes it no longer
    reserve("anna", "192.0.2.1", NOW + window() + timedelta(seconds=0.5))
    assert LoginFailure.objects.count() == 3


def pace(name: str, seconds: int, addresses: Iterator[str]) -> list[int]:
    """When, in seconds, a try at `name` is let through, of one each second from the next of `addresses`."""
    let_through = []
    for second in range(seconds):
        with suppress(LockedOutError):
            reserve(name, next(addresses), NOW + timedelta(seconds=second))
            let_through.append(second)
    return let_through


def everywhere() -> Iterator[str]:
    """A new address each time."""
    return (f"198.51.{one // 250}.{one % 250}" for one in itertools.count())


@pytest.mark.parametrize("name", ["anna", "nobody"])
def test_from_many_addresses_a_name_is_tried_less_and_less_often_up_to_a_bound(name: str):
    factories.user("anna")
    tries = pace(name, 200, everywhere())
    pauses = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert pauses == [1, 1, 1, 1, 2, 4, 8, 16, 30, 30, 30, 30, 30]


def test_a_try_that_came_too_early_makes_nobody_wait_longer():
    last = pace("anna", 200, everywhere())[-1]
    for second in range(last + 1, last + 30):
        with pytest.raises(LockedOutError) as caught:
            reserve("anna", "192.0.2.9", NOW + timedelta(seconds=second))
        assert second + caught.value.retry_after_seconds == last + 30
    assert reserve("anna", "192.0.2.9", NOW + timedelta(seconds=last + 30)).pk


def test_an_address_that_has_failed_lets_one_that_has_not_go_first():
    attackers = [f"198.51.100.{one}" for one in range(20)]
    who = hashed("anna")
    LoginFailure.objects.bulk_create(LoginFailure(username_hash=who, address=one, created_at=NOW) for one in attackers)
    for second in (1, 29, 30, 45, 59):
        for one in attackers:  # they never stop asking
            with pytest.raises(LockedOutError):
                reserve("anna", one, NOW + timedelta(seconds=second))
        if second == 30:
            reserve("anna", "203.0.113.7", NOW + timedelta(seconds=second)).delete()
    assert reserve("anna", attackers[0], NOW + timedelta(seconds=60)).pk


def test_many_tries_at_the_same_moment_are_one():
    for one in range(4):
        reserve("anna", f"198.51.100.{one}", NOW)
    later = NOW + timedelta(seconds=1)
    reserve("anna", "198.51.100.5", later)
    with pytest.raises(LockedOutError):
        reserve("anna", "198.51.100.6", later)


def under_attack(name: str = "anna") -> None:
    """So many failures just now that strangers wait as long as it gets."""
    now, who = timezone.now(), hashed(name)
    addresses = everywhere()
    LoginFailure.objects.bulk_create(
        LoginFailure(username_hash=who, address=next(addresses), created_at=now) for _ in range(20)
    )


def test_the_owner_gets_through_from_a_known_device_and_from_a_known_network():
    factories.user("anna")
    phone = Client(REMOTE_ADDR="192.0.2.1")
    form = {"username": "anna", "password": factories.PASSWORD}
    assert phone.post("/login", form).status_code == 302
    phone.cookies.pop("sessionid")
    under_attack()
    stranger = sign_in("anna", factories.PASSWORD, "192.0.2.77")
    assert (stranger.status_code, int(stranger["Retry-After"])) == (429, 30)
    assert "Try again in 30 seconds." in stranger.content.decode()
    assert sign_in("anna", factories.PASSWORD, "192.0.2.1").status_code == 302  # another device in the same network
    assert phone.post("/login", form, REMOTE_ADDR="203.0.113.9").status_code == 302  # on the way


def test_a_device_is_known_for_the_names_of_its_people_alone():
    for name in ("anna", "bert", "carl"):
        factories.user(name)
    tablet = Client(REMOTE_ADDR="192.0.2.1")
    for name in ("anna", "bert"):
        tablet.post("/login", {"username": name, "password": factories.PASSWORD})
        tablet.cookies.pop("sessionid")
    for name, status in (("anna", 302), ("bert", 302), ("carl", 429)):
        under_attack(name)
        form = {"username": name, "password": factories.PASSWORD}
        assert tablet.post("/login", form, REMOTE_ADDR="203.0.113.9").status_code == status
        tablet.cookies.pop("sessionid", None)


def test_a_known_device_is_a_stranger_once_it_has_failed_too_often():
    """A cookie that was copied to many addresses is no way round."""
    device = Device("d" * 32, (hashed("anna"),))
    addresses = everywhere()
    under_attack()
    now = timezone.now()
    for _ in range(3):
        assert reserve("anna", next(addresses), now, device).is_known
    with pytest.raises(LockedOutError):
        reserve("anna", next(addresses), now, device)


@pytest.mark.parametrize(
    "cookie",
    ["", "x", "eyJudW1iZXIiOiAiMSJ9:1abc:forged", signing.dumps([], salt="hsi.security.known_clients")],
    ids=["empty", "text", "forged", "ours, of nobody"],
)
def test_a_cookie_that_is_none_of_ours_makes_nobody_known(cookie: str):
    factories.user("anna")
    under_attack()
    client = Client(REMOTE_ADDR="203.0.113.9")
    client.cookies["hsi_device"] = cookie
    assert client.post("/login", {"username": "anna", "password": factories.PASSWORD}).status_code == 429


def test_the_cookie_of_a_device_is_closed_to_scripts_and_names_nobody():
    factories.user("anna")
    client = Client()
    client.post("/login", {"username": "anna", "password": factories.PASSWORD})
    morsel = client.cookies["hsi_device"]
    assert (morsel["httponly"], morsel["samesite"]) == (True, "Lax")
    assert "anna" not in str(signing.loads(morsel.value, salt="hsi.security.known_clients"))


def test_a_network_is_forgotten_after_a_while():
    known_clients.remember_network("who", "192.0.2.1", NOW)
    known_clients.remember_network("who", "192.0.2.1", NOW + timedelta(days=80))
    assert known_clients.is_network("who", "192.0.2.1", NOW + timedelta(days=160))
    assert not known_clients.is_network("who", "192.0.2.1", NOW + timedelta(days=171))
    known_clients.remember_network("who", "192.0.2.2", NOW + timedelta(days=171))
    assert KnownNetwork.objects.count() == 1


def test_what_was_typed_as_a_name_is_not_kept():
    sign_in("my secret password")
    assert "secret" not in str(LoginFailure.objects.values().get())


@pytest.mark.parametrize(("arguments", "left"), [(["anna"], 1), (["--address", "192.0.2.2"], 1), (["--all"], 0)])
def test_a_command_lets_them_in_again(arguments: list[str], left: int):
    reserve("anna", "192.0.2.1", timezone.now())
    reserve("bert", "192.0.2.2", timezone.now())
    out = StringIO()
    call_command("unlock_login", *arguments, stdout=out)
    assert out.getvalue() == f"Deleted {2 - left} login failure{'' if left else 's'}.\n"
    assert LoginFailure.objects.count() == left


def test_an_administrator_sees_whom_it_keeps_out_and_lets_them_in(client: Client):
    factories.user("anna")
    client.force_login(factories.admin("boss"))
    sign_in("anna")
    failure = LoginFailure.objects.get()
    assert "anna" in client.get("/admin/hsi/loginfailure/").content.decode()
    client.post("/admin/hsi/loginfailure/", {"action": "forget", "_selected_action": [failure.pk]})
    assert not LoginFailure.objects.exists()


def test_signing_in_gives_a_session_a_new_key():
    factories.user("anna")
    client = Client()
    client.session["planted"] = "x"
    session = client.session
    session["planted"] = "x"
    session.save()
    client.cookies["sessionid"] = before = session.session_key or ""
    client.post("/login", {"username": "anna", "password": factories.PASSWORD})
    assert client.cookies["sessionid"].value not in ("", before)
    assert User.objects.get().last_login
