"""Every address of the URL configuration against everyone who may come: what is open is said here, once.

A new address is closed until its row stands here; one that answers a stranger fails this test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from cameras.models import Camera
from hsi.gate import OPEN_PATHS
from tests import factories, pictures

pytestmark = pytest.mark.django_db

# What a stranger may reach. A line more here is a decision, not a formality.
OPEN = {"health/live": 200, "health/ready": 200, "login": 200, "setup": 302, "favicon.ico": 200}

# (stranger, viewer of another camera, viewer, administrator)
Answers = tuple[int, int, int, int]
ANYONE_SIGNED_IN: Answers = (401, 200, 200, 200)
OF_THE_CAMERA: Answers = (401, 404, 200, 200)
MATRIX: dict[str, Answers] = {
    "": (302, 200, 200, 200),
    "logout": (302, 405, 405, 405),
    "api/cameras": ANYONE_SIGNED_IN,
    "api/cameras/<slug:pk>": OF_THE_CAMERA,
    "api/cameras/<slug:pk>/snapshot": OF_THE_CAMERA,
    "api/uploads": ANYONE_SIGNED_IN,
    "api/uploads/<int:pk>": OF_THE_CAMERA,
    "api/uploads/<int:pk>/file": OF_THE_CAMERA,
    "api/uploads/<int:pk>/thumbnail": OF_THE_CAMERA,
    "api/detections": ANYONE_SIGNED_IN,
    "api/detections/<int:pk>": OF_THE_CAMERA,
    "api/detections/<int:pk>/thumbnail": OF_THE_CAMERA,
    "api/events": ANYONE_SIGNED_IN,
    "api/events/<int:pk>": OF_THE_CAMERA,
    "api/events/<int:pk>/detections": OF_THE_CAMERA,
    "api/events/<int:pk>/snapshot": OF_THE_CAMERA,
    "api/system/health": ANYONE_SIGNED_IN,
    "api/schema": ANYONE_SIGNED_IN,
    "api/schema/stream": ANYONE_SIGNED_IN,
    "api/docs": ANYONE_SIGNED_IN,
}
# Lists: what they hold is compared too.
LISTS = ("api/cameras", "api/uploads", "api/detections", "api/events")
WHO = ("stranger", "neighbour", "viewer", "admin")


@dataclass(frozen=True)
class World:
    """One camera with a picture, a detection and an event; one client a kind of person."""

    ids: dict[str, Any]
    clients: dict[str, Client]

    def get(self, who: str, route: str) -> Any:
        return self.clients[who].get("/" + self.address(route))

    def address(self, route: str) -> str:
        if is_admin(route):
            return re.sub(r"<path:\w+>", "1", route)
        for part in ("cameras", "uploads", "detections", "events"):
            if route.startswith(f"api/{part}/"):
                route = route.replace("<slug:pk>", str(self.ids[part])).replace("<int:pk>", str(self.ids[part]))
        assert "<" not in route, f"say in World.address what stands for the parameters of {route}"
        return route


@pytest.fixture
def world(data_dir: Path) -> World:
    camera, other = factories.camera("door"), factories.camera("garden")
    upload = pictures.stored(pictures.jpeg(), of=camera)
    event = factories.event(camera)
    detection = factories.detection(upload, event.batch)
    ids = {"cameras": camera.pk, "uploads": upload.pk, "detections": detection.pk, "events": event.pk}
    return World(ids, {"stranger": Client(), **_signed_in(camera, other)})


def _signed_in(camera: Camera, other: Camera) -> dict[str, Client]:
    people = {
        "neighbour": factories.user(sees=other),
        "viewer": factories.user(sees=camera),
        "admin": factories.admin(),
    }
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
    assert got == MATRIX[route]


@pytest.mark.parametrize("route", sorted(OPEN))
def test_what_is_open_answers_a_stranger(route: str, world: World):
    assert world.get("stranger", route).status_code == OPEN[route]


@pytest.mark.parametrize("route", LISTS)
def test_a_list_holds_what_its_reader_may_see(route: str, world: World):
    ours = world.ids[route.removeprefix("api/")]
    seen = {who: [one["id"] for one in world.get(who, route).json()["items"]] for who in WHO[1:]}
    assert ours not in seen["neighbour"]
    assert seen["viewer"] == [ours]
    assert ours in seen["admin"]


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_no_address_answers_a_stranger_by_another_method(method: str, world: World):
    for route in MATRIX:
        response = getattr(world.clients["stranger"], method)("/" + world.address(route))
        assert response.status_code in (302, 401), (method, route)


@pytest.mark.parametrize("who", WHO[:3])
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
    expected = {"stranger": 302, "neighbour": 200, "viewer": 200, "admin": 302}
    assert world.clients[who].get("/admin/login/").status_code == expected[who]
