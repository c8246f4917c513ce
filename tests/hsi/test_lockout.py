from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from hsi.errors import LockedOutError
from hsi.lockout import reserve, window
from hsi.models import LoginFailure
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


def test_the_admins_own_form_is_no_way_round():
    factories.user("anna")
    client = Client(REMOTE_ADDR="192.0.2.1")
    client.force_login(factories.user())
    form = {"username": "anna", "password": "wrong"}
    assert [client.post("/admin/login/", form).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_a_lock_ends_by_itself_and_old_failures_are_removed():
    for second in range(3):
        reserve("anna", "192.0.2.1", NOW + timedelta(seconds=second))
    with pytest.raises(LockedOutError) as caught:
        reserve("anna", "192.0.2.1", NOW + timedelta(minutes=1))
    assert caught.value.wait_seconds == 14 * 60
    assert LoginFailure.objects.count() == 3  # to ask while locked out makes it no longer
    reserve("anna", "192.0.2.1", NOW + window() + timedelta(seconds=0.5))
    assert LoginFailure.objects.count() == 3


def test_what_was_typed_as_a_name_is_not_kept():
    sign_in("my secret password")
    assert "secret" not in str(LoginFailure.objects.values().get())


@pytest.mark.parametrize(("arguments", "left"), [(["anna"], 1), (["--address", "192.0.2.2"], 1), (["--all"], 0)])
def test_a_command_lets_them_in_again(arguments: list[str], left: int):
    reserve("anna", "192.0.2.1", timezone.now())
    reserve("bert", "192.0.2.2", timezone.now())
    out = StringIO()
    call_command("unlock_login", *arguments, stdout=out)
    assert out.getvalue() == f"{2 - left} wrong password{'' if left else 's'} forgotten.\n"
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
