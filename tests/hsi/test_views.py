"""The first pages anyone sees: not set up, and set up."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.db import connections
from django.test import Client

from hsi import views
from hsi.security import authentication
from hsi.views import SALT, setup_path
from tests import factories

pytestmark = pytest.mark.django_db

GOOD = {"username": "resident", "password1": factories.PASSWORD, "password2": factories.PASSWORD}


@pytest.fixture(autouse=True)
def _nobody_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "_set_up", False)


def test_before_there_is_a_user_every_page_explains_how_to_set_up(client: Client):
    for path in ("/", "/login", "/admin/"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert "Open the set-up link that the server printed" in answer.content.decode()


def test_the_set_up_link_makes_the_first_administrator_and_signs_in(client: Client):
    assert 'autocomplete="new-password"' in client.get(setup_path()).content.decode()
    answer = client.post(setup_path(), GOOD)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    user = User.objects.get()
    assert (user.username, user.is_superuser, user.is_staff) == ("resident", True, True)
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"password2": "another"}, "match"),
        ({"password1": "12345678901", "password2": "12345678901"}, "entirely numeric"),
        ({"username": ""}, "This field is required."),
    ],
)
def test_what_is_wrong_with_a_set_up_is_said_beside_the_field(client: Client, sent: dict[str, str], said: str):
    answer = client.post(setup_path(), GOOD | sent)
    text = answer.content.decode()
    assert answer.status_code == 200
    assert 'role="alert"' in text
    assert said in text.split('role="alert"', 1)[1].split("</div>")[0]
    assert not User.objects.exists()


def test_a_forged_set_up_link_is_refused(client: Client):
    for key in ("", "x", signing.dumps("setup", salt="another")):
        answer = client.get("/setup", {"key": key})
        assert answer.status_code == 403
        assert "not valid" in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_open_the_link_at_once_one_becomes_the_administrator(monkeypatch: pytest.MonkeyPatch):
    both_are_here = threading.Barrier(2, timeout=20)
    make = views._first_administrator

    def together(form: views.SetupForm) -> User | None:
        both_are_here.wait()
        return make(form)

    monkeypatch.setattr(views, "_first_administrator", together)

    def set_up(name: str) -> str:
        try:
            return str(Client().post(setup_path(), GOOD | {"username": name}).headers["Location"])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        ways = sorted(pool.map(set_up, ["one", "two"]))
    assert ways == ["/", "/login"]
    assert User.objects.count() == 1


def test_a_set_up_link_stops_working_with_the_first_user(client: Client):
    link = f"/setup?key={signing.dumps('setup', salt=SALT)}"
    factories.admin()
    assert client.post(link, GOOD).headers["Location"] == "/login"
    assert User.objects.count() == 1
