"""Every address of the URL configuration against everyone who may come: what is open is said here, once.

A new address is closed until its row stands here; one that answers a stranger fails this test.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client, RequestFactory

from events.models import Alert
from events.stream.access import EVENTS, SYSTEM, Credentials, Refusal, Viewer, find_viewer
from hsi.security.authentication import OPEN_PATHS
from hsi.security.rate_limit import Credential
from hsi.security.tokens import SCOPES
from tests import factories
from tests.access import (
    CHANGES,
    MATRIX,
    OPEN,
    PEOPLE,
    SECRETS,
    STAFF,
    World,
    build,
    cases,
    is_admin,
    routes,
    to_change,
    to_read,
)
from tests.access_admin import ACTIONS_OF_OPERATORS, SEEN_BY_STAFF, admin_cases

pytestmark = pytest.mark.django_db

# What a token of an administrator may do there, by its scopes: (read, write, ingest, admin).
BY_SCOPE: dict[tuple[str, str], tuple[int, int, int, int]] = {
    ("get", "api/events"): (200, 403, 403, 200),
    ("get", "api/events/<int:pk>/snapshot"): (200, 403, 403, 200),
    ("get", "api/events/export"): (200, 403, 403, 200),
    ("post", "api/events/export"): (403, 200, 403, 200),
    ("get", "api/system/health"): (200, 403, 403, 200),
    ("patch", "api/events/<int:pk>"): (403, 200, 403, 200),
    ("post", "api/cameras"): (403, 403, 403, 400),
    ("post", "api/cameras/<slug:pk>/uploads"): (403, 403, 415, 415),
    ("post", "api/events/bulk-delete"): (403, 400, 403, 400),
    ("post", "api/alerts/<int:pk>/dismiss"): (403, 200, 403, 200),
    ("get", "api/alert-rules"): (403, 403, 403, 200),
    ("get", "api/notification-channels"): (403, 403, 403, 200),
    ("post", "api/notification-channels"): (403, 403, 403, 400),
    ("get", "api/deliveries"): (403, 403, 403, 200),
    ("get", "api/queues"): (403, 403, 403, 200),
    ("get", "metrics"): (200, 403, 403, 200),
    ("post", "api/queues/<slug:name>/pause"): (403, 403, 403, 200),
    ("get", "api/tokens"): (403, 403, 403, 200),
    ("post", "api/tokens"): (403, 403, 403, 400),
    ("delete", "api/tokens/<int:pk>"): (403, 403, 403, 404),
    ("get", ""): (403, 403, 403, 403),
}
# Ends the session it is asked with.
SIGN_OUT = ("post", "logout")
# Lists: what they hold is compared too.
LISTS = ("api/cameras", "api/uploads", "api/detections", "api/events", "api/alerts")
# What may be written into the address of a list.
LOOKUPS = (
    "camera__id__exact=garden", "camera=garden", "rule__name__startswith=r", "all=",
)  # fmt: skip
METHODS = ("post", "put", "patch", "delete")


@dataclass(frozen=True)
class Here:
    """The world, and a client in this process for each person."""

    world: World
    clients: dict[str, Client]

    def get(self, who: str, route: str) -> Any:
        return self.clients[who].get("/" + self.world.address(route))

    def change(self, who: str, method: str, route: str) -> int:
        """The status of a request with an empty body."""
        call = getattr(self.clients[who], method)
        return int(call("/" + self.world.address(route), {}, content_type="application/json").status_code)


def text_of(answer: Any) -> str:
    """What was answered; of pictures and files nothing."""
    return "" if answer.streaming else answer.content.decode(errors="replace")


def table(outcomes: dict[tuple[str, str], dict[str, Any]]) -> str:
    """The outcomes by method and route, a column a person."""
    width = max(len(route) for _, route in outcomes) + 2
    lines = [" " * (7 + width) + "".join(f"{who:>16}" for who in PEOPLE)]
    for (method, route), got in sorted(outcomes.items(), key=lambda one: (one[0][1], one[0][0])):
        lines.append(f"{method:7}/{route:{width - 1}}" + "".join(f"{got.get(who, ''):>16}" for who in PEOPLE))
    return "\n".join(lines)


@pytest.fixture
def here(data_dir: Path, webhooks_to_here: None) -> Here:
    world = build()
    return Here(world, {who: person.client() for who, person in world.people.items()})


def test_every_address_has_its_row():
    assert {route for route in routes() if not is_admin(route)} == set(MATRIX) | set(OPEN)


def test_the_gate_opens_what_is_said_to_be_open_and_nothing_else():
    assert {path.removeprefix("/") for path in OPEN_PATHS} == set(OPEN)


@pytest.mark.slow
def test_everyone_gets_the_answer_that_is_theirs_and_is_told_no_secret(here: Here):
    wrong = {}
    for case in cases(here.world):
        for who in PEOPLE:
            answer = here.clients[who].get(case.path)
            told = [secret for secret in SECRETS if who in case.shut_to and secret in text_of(answer)]
            if answer.status_code not in case.allowed[who] or told:
                wrong[case.name, who] = (answer.status_code, sorted(case.allowed[who]), told)
    assert wrong == {}


@pytest.mark.slow
def test_whoever_may_change_something_is_named_here(here: Here):
    """Every address by every method that changes something: what stands in no row is answered by nobody."""
    wrong = {}
    for route, method in itertools.product(MATRIX, METHODS):
        if (method, route) != SIGN_OUT:
            got = {who: here.change(who, method, route) for who in PEOPLE}
            closed = got["stranger"] in (302, 401) and set(got.values()) <= {302, 401, 403, 404, 405}
            expected = to_change(method, route)
            if got != expected and (expected is not None or not closed):
                wrong[method, route] = got
    assert wrong == {}


def test_a_token_may_do_what_its_scope_says(here: Here):
    tokens = {scope: factories.token(factories.admin(), scope) for scope in SCOPES}
    got = {}
    for method, route in BY_SCOPE:
        more = {} if method == "get" else {"data": {}, "content_type": "application/json"}
        call = getattr(Client(), method)
        address = "/" + here.world.address(route)
        answers = [call(address, headers={"X-API-Key": token}, **more) for token in tokens.values()]
        got[method, route] = tuple(answer.status_code for answer in answers)
    assert got == BY_SCOPE


def test_a_token_gives_no_more_than_its_user_has(here: Here):
    for who, reads, changes in (("neighbour", 404, 403), ("viewer", 200, 403), ("operator", 200, 200)):
        owner = User.objects.get(pk=here.clients[who].session["_auth_user_id"])
        headers = {"X-API-Key": factories.token(owner, "admin")}
        path = "/" + here.world.address("api/events/<int:pk>")
        assert Client().get(path, headers=headers).status_code == reads
        assert Client().patch(path, {}, content_type="application/json", headers=headers).status_code == changes


def test_the_stream_tells_each_of_their_cameras_alone(here: Here):
    cameras = {}
    for who in PEOPLE[1:]:
        viewer = find_viewer(Credentials(session=Credential(here.clients[who].cookies["sessionid"].value)), EVENTS)
        assert isinstance(viewer, Viewer)
        cameras[who] = viewer.cameras
    mine = frozenset({"door"})
    assert cameras == {
        **dict.fromkeys(PEOPLE[1:], mine), "neighbour": frozenset({"garden"}), "admin": None,
    }  # fmt: skip
    assert isinstance(find_viewer(Credentials(), EVENTS), Refusal)


def test_the_system_tells_of_itself_to_administrators_alone(here: Here):
    sessions = {who: here.clients[who].cookies["sessionid"].value for who in PEOPLE[1:]}
    told = {who: find_viewer(Credentials(session=Credential(key)), SYSTEM) for who, key in sessions.items()}
    assert {who for who, answer in told.items() if isinstance(answer, Viewer)} == {"admin"}


def test_what_is_open_answers_a_stranger(here: Here):
    assert {route: here.clients["stranger"].get(f"/{route}").status_code for route in OPEN} == OPEN


def test_a_list_holds_what_its_reader_may_see(here: Here):
    for route in LISTS:
        ours = here.world.ids[route.removeprefix("api/")]
        seen = {who: [one["id"] for one in here.get(who, route).json()["items"]] for who in PEOPLE[1:]}
        assert ours not in seen["neighbour"]
        assert all(seen[who] == seen["viewer"] for who in PEOPLE[3:6])
        assert ours in seen["viewer"]
        assert set(seen["viewer"]) < set(seen["admin"])


def test_no_address_answers_a_stranger_by_another_method(here: Here):
    for method, route in itertools.product((*METHODS, "options"), MATRIX):
        response = getattr(here.clients["stranger"], method)("/" + here.world.address(route))
        assert response.status_code in (302, 401), (method, route)


@pytest.mark.one_engine
def test_the_admin_answers_each_as_the_rule_says_and_tells_no_secret(here: Here):
    """A new list, row, button or page of the admin is for administrators until the rule says otherwise.

    `pytest -s tests/test_access_matrix.py` shows the whole matrix.
    """
    outcomes: dict[tuple[str, str], dict[str, Any]] = {("get", route): dict(to_read(route)) for route in MATRIX}
    outcomes |= {key: dict(to_change(*key) or {}) for key in CHANGES}
    wrong = {}
    for case, who in ((one, who) for one in admin_cases() for who in one.asked):
        with transaction.atomic():  # what one of them changes, the next one finds as it was
            answer = getattr(here.clients[who], case.method)(case.path, case.data)
            transaction.set_rollback(True)
        status, told = answer.status_code, [one for one in SECRETS if who in case.shut_to and one in text_of(answer)]
        outcomes.setdefault((case.method, case.name), {})[who] = status
        if told or status not in case.allowed[who]:
            wrong[case.method, case.name, who] = (status, sorted(case.allowed[who]), told)
    print("", table(outcomes), sep="\n")  # noqa: T201
    assert wrong == {}


def test_every_list_and_page_of_the_admin_is_in_the_rule(here: Here):
    """By its shape: nothing is left out because its parameters are written in another way."""
    shapes = {re.sub(r"<[^>]*>", "<>", route) for route in routes() if is_admin(route) and "(?P" not in route}
    assert shapes == {re.sub(r"<[^>]*>", "<>", case.route) for case in admin_cases()}


@pytest.mark.parametrize("who", STAFF)
def test_staff_are_offered_the_actions_of_the_rule_alone(who: str, here: Here):
    request = RequestFactory().get("/admin/")
    request.user = User.objects.get(username=who.replace(" ", "-"))
    offered = {model._meta.label_lower: set(page.get_actions(request)) for model, page in admin.site._registry.items()}
    rule = ACTIONS_OF_OPERATORS if who == "staff operator" else {}
    assert {label: names for label, names in offered.items() if names} == rule


@pytest.mark.parametrize("who", STAFF)
def test_an_action_reaches_no_row_of_anothers_camera(who: str, here: Here):
    Alert.objects.update(status="open")
    alerts = list(Alert.objects.values_list("pk", flat=True))
    chosen = {"action": "dismiss", "_selected_action": alerts, "select_across": "1"}
    here.clients[who].post("/admin/events/alert/", chosen)
    dismissed = set(Alert.objects.filter(status="dismissed").values_list("camera", flat=True))
    assert dismissed == ({"door"} if who == "staff operator" else set())


@pytest.mark.parametrize("who", STAFF)
def test_no_field_of_any_form_is_completed_for_staff(who: str, here: Here):
    """Whatever the field: such forms are filled in by administrators."""
    for model in admin.site._registry:
        for one in model._meta.get_fields():
            if one.is_relation and one.concrete:
                names = dict(zip(("app_label", "model_name"), model._meta.label_lower.split("."), strict=True))
                asked = {**names, "field_name": one.name, "term": ""}
                assert here.clients[who].get("/admin/autocomplete/", asked).status_code in (403, 404), asked


def test_a_field_of_a_form_is_completed_for_an_administrator(here: Here):
    asked = {"app_label": "cameras", "model_name": "cameragrant", "field_name": "camera", "term": "gar"}
    answer = here.clients["admin"].get("/admin/autocomplete/", asked)
    assert [row["id"] for row in answer.json()["results"]] == ["garden"]


def test_no_lookup_in_the_address_of_a_list_reaches_anothers_rows(here: Here):
    for label, asked in itertools.product(sorted(SEEN_BY_STAFF), LOOKUPS):
        answer = here.clients["staff operator"].get(f"/admin/{label.replace('.', '/')}/?{asked}", follow=True)
        assert not [secret for secret in SECRETS if secret in answer.content.decode()], (label, asked)


def test_the_page_of_an_app_shows_staff_the_lists_they_may_see(here: Here):
    for app, status in (("cameras", 200), ("events", 200), ("hsi", 404), ("auth", 404), ("monitoring", 404)):
        for who in STAFF:
            answer = here.clients[who].get(f"/admin/{app}/")
            assert answer.status_code == status, app
            listed = set(re.findall(rf"/admin/{app}/(\w+)/", answer.content.decode()))
            assert {f"{app}.{name}" for name in listed} <= SEEN_BY_STAFF


def test_no_token_opens_a_page(here: Here):
    for case in admin_cases():
        if not case.is_plain:
            continue
        headers = {"X-API-Key": here.world.people["admin"].token}
        assert getattr(Client(), case.method)(case.path, case.data, headers=headers).status_code == 403, case.name
