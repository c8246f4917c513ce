"""Every address of the URL configuration against everyone who may come: what is open is said here, once.

A new address is closed until its row stands here; one that answers a stranger fails this test.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from cameras.models import Camera
from events.stream.topics import EVENTS, SYSTEM
from events.stream.viewer import Credentials, Refusal, Viewer, recognise
from hsi.gate import OPEN_PATHS
from hsi.roles import Role, set_role
from hsi.tokens import SCOPES, create_token
from tests import factories, pictures

pytestmark = pytest.mark.django_db

# What a stranger may reach. A line more here is a decision, not a formality.
OPEN = {"health/live": 200, "health/ready": 200, "login": 200, "setup": 302, "favicon.ico": 200}

# To read: (stranger, viewer of another camera, viewer, administrator). An operator reads what a viewer does; a row
# where that is not so has the operator as its fifth.
Answers = tuple[int, int, int, int] | tuple[int, int, int, int, int]
ANYONE_SIGNED_IN: Answers = (401, 200, 200, 200)
OF_THE_CAMERA: Answers = (401, 404, 200, 200)
NOT_TO_READ: Answers = (401, 405, 405, 405)
OF_ADMINISTRATORS: Answers = (401, 403, 403, 200)
POST_OF_ADMINISTRATORS: Answers = (401, 403, 403, 405)
MATRIX: dict[str, Answers] = {
    "": (302, 200, 200, 200),
    "logout": (302, 405, 405, 405),
    "api/cameras": ANYONE_SIGNED_IN,
    "api/cameras/<slug:pk>": OF_THE_CAMERA,
    "api/cameras/<slug:pk>/snapshot": OF_THE_CAMERA,
    "api/cameras/<slug:pk>/uploads": NOT_TO_READ,
    "api/cameras/<slug:pk>/zones": OF_THE_CAMERA,
    "api/cameras/<slug:pk>/zones/<slug:zone>": OF_THE_CAMERA,
    "api/uploads": ANYONE_SIGNED_IN,
    "api/uploads/<int:pk>": OF_THE_CAMERA,
    "api/uploads/<int:pk>/file": OF_THE_CAMERA,
    "api/uploads/<int:pk>/retry": NOT_TO_READ,
    "api/uploads/<int:pk>/thumbnail": OF_THE_CAMERA,
    "api/detections": ANYONE_SIGNED_IN,
    "api/detections/<int:pk>": OF_THE_CAMERA,
    "api/detections/<int:pk>/frame": OF_THE_CAMERA,
    "api/detections/<int:pk>/thumbnail": OF_THE_CAMERA,
    "api/events": ANYONE_SIGNED_IN,
    "api/events/stats": ANYONE_SIGNED_IN,
    "api/events/timeline": ANYONE_SIGNED_IN,
    "api/events/export": ANYONE_SIGNED_IN,
    "api/events/<int:pk>": OF_THE_CAMERA,
    "api/events/<int:pk>/restore": NOT_TO_READ,  # what the one before has deleted
    "api/events/<int:pk>/reanalyse": NOT_TO_READ,
    "api/events/<int:pk>/detections": OF_THE_CAMERA,
    "api/events/<int:pk>/snapshot": OF_THE_CAMERA,
    "api/events/<int:pk>/clip": OF_THE_CAMERA,
    "api/events/trash": ANYONE_SIGNED_IN,
    "api/events/bulk-review": NOT_TO_READ,
    "api/events/bulk-delete": NOT_TO_READ,
    "api/alerts": ANYONE_SIGNED_IN,
    "api/alerts/<int:pk>": OF_THE_CAMERA,
    "api/alerts/<int:pk>/acknowledge": NOT_TO_READ,
    "api/alerts/<int:pk>/dismiss": NOT_TO_READ,
    "api/alert-rules": OF_ADMINISTRATORS,
    "api/alert-rules/<int:pk>": OF_ADMINISTRATORS,
    "api/alert-rules/<int:pk>/test": POST_OF_ADMINISTRATORS,
    "api/notification-channels": OF_ADMINISTRATORS,
    "api/notification-channels/<int:pk>": OF_ADMINISTRATORS,
    "api/notification-channels/<int:pk>/test": POST_OF_ADMINISTRATORS,
    "api/deliveries": OF_ADMINISTRATORS,
    "api/system/health": ANYONE_SIGNED_IN,
    "api/system/stats": OF_ADMINISTRATORS,
    "api/system/config": OF_ADMINISTRATORS,
    "api/system/breakers": OF_ADMINISTRATORS,
    "api/system/breakers/<slug:name>/reset": POST_OF_ADMINISTRATORS,
    "api/system/workers": OF_ADMINISTRATORS,
    "api/system/latency": OF_ADMINISTRATORS,
    "api/system/storage": OF_ADMINISTRATORS,
    "api/system/gpu": OF_ADMINISTRATORS,
    "api/system/tls": OF_ADMINISTRATORS,
    "api/queues": OF_ADMINISTRATORS,
    "api/queues/<slug:name>/pause": POST_OF_ADMINISTRATORS,
    "api/queues/<slug:name>/resume": POST_OF_ADMINISTRATORS,
    "api/dead-letters": OF_ADMINISTRATORS,
    "api/dead-letters/<int:pk>": OF_ADMINISTRATORS,
    "api/dead-letters/requeue": POST_OF_ADMINISTRATORS,
    "api/dead-letters/discard": POST_OF_ADMINISTRATORS,
    "api/logs": OF_ADMINISTRATORS,
    "api/audit": OF_ADMINISTRATORS,
    "api/audit/export": OF_ADMINISTRATORS,
    "api/jobs": OF_ADMINISTRATORS,
    "metrics": OF_ADMINISTRATORS,
    "api/schema": ANYONE_SIGNED_IN,
    "api/schema/stream": ANYONE_SIGNED_IN,
    "api/docs": ANYONE_SIGNED_IN,
    "api/tokens": ANYONE_SIGNED_IN,
    "api/tokens/<int:pk>": (401, 405, 405, 405),
}
# To change something, by method and address: (stranger, viewer of another camera, viewer, operator, administrator).
CHANGES: dict[tuple[str, str], tuple[int, int, int, int, int]] = {
    ("post", "api/cameras"): (401, 403, 403, 403, 400),
    ("patch", "api/cameras/<slug:pk>"): (401, 403, 403, 403, 200),
    ("delete", "api/cameras/<slug:pk>"): (401, 403, 403, 403, 409),
    ("post", "api/cameras/<slug:pk>/uploads"): (401, 403, 403, 415, 415),
    ("post", "api/cameras/<slug:pk>/zones"): (401, 403, 403, 403, 400),
    ("patch", "api/cameras/<slug:pk>/zones/<slug:zone>"): (401, 403, 403, 403, 200),
    ("delete", "api/cameras/<slug:pk>/zones/<slug:zone>"): (401, 403, 403, 403, 204),
    ("post", "api/uploads/<int:pk>/retry"): (401, 403, 403, 409, 409),
    ("patch", "api/events/<int:pk>"): (401, 403, 403, 200, 200),
    ("delete", "api/events/<int:pk>"): (401, 403, 403, 204, 404),
    ("post", "api/events/<int:pk>/restore"): (401, 403, 403, 200, 404),
    ("post", "api/events/<int:pk>/reanalyse"): (401, 403, 403, 202, 202),
    ("post", "api/events/bulk-review"): (401, 403, 403, 400, 400),
    ("post", "api/events/bulk-delete"): (401, 403, 403, 400, 400),
    ("post", "api/alerts/<int:pk>/acknowledge"): (401, 403, 403, 200, 200),
    ("post", "api/alerts/<int:pk>/dismiss"): (401, 403, 403, 200, 200),
    ("post", "api/alert-rules"): (401, 403, 403, 403, 400),
    ("patch", "api/alert-rules/<int:pk>"): (401, 403, 403, 403, 200),
    ("delete", "api/alert-rules/<int:pk>"): (401, 403, 403, 403, 204),
    ("post", "api/alert-rules/<int:pk>/test"): (401, 403, 403, 403, 404),  # what the one before has deleted
    ("post", "api/notification-channels"): (401, 403, 403, 403, 400),
    ("patch", "api/notification-channels/<int:pk>"): (401, 403, 403, 403, 200),
    ("delete", "api/notification-channels/<int:pk>"): (401, 403, 403, 403, 204),
    ("post", "api/notification-channels/<int:pk>/test"): (401, 403, 403, 403, 404),
    ("post", "api/dead-letters/discard"): (401, 403, 403, 403, 400),
    ("post", "api/dead-letters/requeue"): (401, 403, 403, 403, 400),
    ("post", "api/queues/<slug:name>/pause"): (401, 403, 403, 403, 200),
    ("post", "api/queues/<slug:name>/resume"): (401, 403, 403, 403, 200),
    ("post", "api/tokens"): (401, 400, 400, 400, 400),
    ("delete", "api/tokens/<int:pk>"): (401, 404, 404, 404, 404),
}
# What a token of an administrator may do there, by its scopes: (read, write, ingest, admin).
BY_SCOPE: dict[tuple[str, str], tuple[int, int, int, int]] = {
    ("get", "api/events"): (200, 403, 403, 200),
    ("get", "api/events/<int:pk>/snapshot"): (200, 403, 403, 200),
    ("get", "api/events/export"): (200, 403, 403, 200),
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
WHO = ("stranger", "neighbour", "viewer", "admin", "operator")
PEOPLE = ("stranger", "neighbour", "viewer", "operator", "admin")  # as they are told apart by what they may change
METHODS = ("post", "put", "patch", "delete")


@dataclass(frozen=True)
class World:
    """One camera with a picture, a detection and an event; one client a kind of person."""

    ids: dict[str, Any]
    clients: dict[str, Client]

    def get(self, who: str, route: str) -> Any:
        return self.clients[who].get("/" + self.address(route))

    def change(self, who: str, method: str, route: str) -> int:
        """The status of a request with an empty body."""
        call = getattr(self.clients[who], method)
        return int(call("/" + self.address(route), {}, content_type="application/json").status_code)

    def address(self, route: str) -> str:
        if is_admin(route):
            return re.sub(r"<\w+:\w+>", "1", route)
        route = route.replace("<slug:name>", "detection_queue").replace("<slug:zone>", "lawn")
        for part in self.ids:
            if route.startswith(f"api/{part}/"):
                route = route.replace("<slug:pk>", str(self.ids[part])).replace("<int:pk>", str(self.ids[part]))
        assert "<" not in route, f"say in World.address what stands for the parameters of {route}"
        return route


@pytest.fixture
def world(data_dir: Path, webhooks_to_here: None) -> World:
    camera, other = factories.camera("door"), factories.camera("garden")
    upload = pictures.stored(pictures.jpeg(), of=camera)
    factories.zone(camera, id="lawn")
    event = factories.event(camera)
    detection = factories.detection(upload, event.batch)
    ids = {
        "cameras": camera.pk, "uploads": upload.pk, "detections": detection.pk, "events": event.pk,
        "alerts": factories.alert(event).pk, "alert-rules": factories.rule().pk,
        "notification-channels": factories.channel().pk,
        "dead-letters": factories.dead_letter(upload).pk,
        "tokens": create_token(factories.user(), "of nobody here", ["read"])[0].pk,
    }  # fmt: skip
    return World(ids, {"stranger": Client(), **_signed_in(camera, other)})


def _signed_in(camera: Camera, other: Camera) -> dict[str, Client]:
    people = {
        "neighbour": factories.user(sees=other),
        "viewer": factories.user(sees=camera),
        "operator": factories.user(sees=camera),
        "admin": factories.admin(),
    }
    for who, role in (("neighbour", Role.VIEWER), ("viewer", Role.VIEWER), ("operator", Role.OPERATOR)):
        set_role(people[who], role)
    clients = {who: Client() for who in people}
    for who, client in clients.items():
        client.force_login(people[who])
    return clients


def routes(resolver: URLResolver | None = None, before: str = "") -> Iterator[str]:
    """The route of every pattern of the URL configuration, those of the admin as well."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from routes(pattern, route)


def is_admin(route: str) -> bool:
    return route.startswith("admin/")


def test_every_address_has_its_row():
    assert {route for route in routes() if not is_admin(route)} == set(MATRIX) | set(OPEN)


def test_the_gate_opens_what_is_said_to_be_open_and_nothing_else():
    assert {path.removeprefix("/") for path in OPEN_PATHS} == set(OPEN)


@pytest.mark.parametrize("route", sorted(MATRIX))
def test_everyone_gets_the_answer_that_is_theirs(route: str, world: World):
    got = tuple(world.get(who, route).status_code for who in WHO)
    assert got == (*MATRIX[route], MATRIX[route][2])[:5]


def test_whoever_may_change_something_is_named_here(world: World):
    """Every address by every method that changes something: what stands in no row is answered by nobody."""
    wrong = {}
    for route, method in itertools.product(MATRIX, METHODS):
        if (method, route) != SIGN_OUT:
            got = tuple(world.change(who, method, route) for who in PEOPLE)
            closed = set(got[1:]) <= {403, 404, 405} and got[0] in (302, 401)
            if got != CHANGES.get((method, route)) and (not closed or (method, route) in CHANGES):
                wrong[method, route] = got
    assert wrong == {}


@pytest.mark.parametrize(("method", "route"), sorted(BY_SCOPE))
def test_a_token_may_do_what_its_scope_says(method: str, route: str, world: World):
    admin = factories.admin()
    address = "/" + world.address(route)
    got = []
    for scope in SCOPES:
        headers = {"X-API-Key": factories.token(admin, scope)}
        more = {} if method == "get" else {"data": {}, "content_type": "application/json"}
        got.append(getattr(Client(), method)(address, headers=headers, **more).status_code)
    assert tuple(got) == BY_SCOPE[method, route]


def test_a_token_gives_no_more_than_its_user_has(world: World):
    for who, reads, changes in (("neighbour", 404, 403), ("viewer", 200, 403), ("operator", 200, 200)):
        owner = User.objects.get(pk=world.clients[who].session["_auth_user_id"])
        headers = {"X-API-Key": factories.token(owner, "admin")}
        path = "/" + world.address("api/events/<int:pk>")
        assert Client().get(path, headers=headers).status_code == reads
        assert Client().patch(path, {}, content_type="application/json", headers=headers).status_code == changes


def test_the_stream_tells_each_of_their_cameras_alone(world: World):
    cameras = {}
    for who in PEOPLE[1:]:
        viewer = recognise(Credentials(session=world.clients[who].cookies["sessionid"].value), EVENTS)
        assert isinstance(viewer, Viewer)
        cameras[who] = viewer.cameras
    mine = frozenset({"door"})
    assert cameras == {"neighbour": frozenset({"garden"}), "viewer": mine, "operator": mine, "admin": None}
    assert isinstance(recognise(Credentials(), EVENTS), Refusal)


def test_the_system_tells_of_itself_to_administrators_alone(world: World):
    sessions = {who: world.clients[who].cookies["sessionid"].value for who in PEOPLE[1:]}
    told = {who: recognise(Credentials(session=key), SYSTEM) for who, key in sessions.items()}
    assert {who for who, answer in told.items() if isinstance(answer, Viewer)} == {"admin"}


def test_the_matrix_as_a_table() -> None:
    """`pytest -s tests/test_access_matrix.py -k table` shows it."""
    rows = [("get", route, *answers[:3], (*answers, answers[2])[4], answers[3]) for route, answers in MATRIX.items()]
    rows += [(*key, *answers) for key, answers in CHANGES.items()]
    lines = [f"{method:7}/{route:40}" + "".join(f"{one:>10}" for one in got) for method, route, *got in sorted(rows)]
    print("\n" + " " * 48 + "".join(f"{who:>10}" for who in PEOPLE), *lines, sep="\n")  # noqa: T201
    assert len(lines) == len(MATRIX) + len(CHANGES)


@pytest.mark.parametrize("route", sorted(OPEN))
def test_what_is_open_answers_a_stranger(route: str, world: World):
    assert world.get("stranger", route).status_code == OPEN[route]


@pytest.mark.parametrize("route", LISTS)
def test_a_list_holds_what_its_reader_may_see(route: str, world: World):
    ours = world.ids[route.removeprefix("api/")]
    seen = {who: [one["id"] for one in world.get(who, route).json()["items"]] for who in WHO[1:]}
    assert ours not in seen["neighbour"]
    assert seen["viewer"] == seen["operator"] == [ours]
    assert ours in seen["admin"]


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_no_address_answers_a_stranger_by_another_method(method: str, world: World):
    for route in MATRIX:
        response = getattr(world.clients["stranger"], method)("/" + world.address(route))
        assert response.status_code in (302, 401), (method, route)


@pytest.mark.parametrize("who", [who for who in WHO if who != "admin"])
def test_the_admin_is_closed_to_all_but_staff(who: str, world: World):
    for route in routes():
        if not is_admin(route) or "(?P" in route or route == "admin/login/":
            continue
        response = world.get(who, route)
        assert response.status_code in (302, 403, 405), (who, route)
        if response.status_code == 302:  # logging out ends at the admin's front door, which is closed as well
            assert "login" in response["Location"] or route == "admin/logout/", (who, route)


@pytest.mark.parametrize("who", WHO)
def test_the_login_page_of_the_admin_lets_nobody_in_by_itself(who: str, world: World):
    expected = {"stranger": 302, "neighbour": 200, "viewer": 200, "operator": 200, "admin": 302}
    assert world.clients[who].get("/admin/login/").status_code == expected[who]
