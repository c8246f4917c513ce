"""A request that is sent again with its key is answered by the rights of now, whatever it was answered before."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from cameras.models import Camera, CameraGrant
from events.models import Event
from hsi.api.idempotency import REPLAYED
from hsi.models import ApiToken, IdempotencyRecord
from hsi.security.roles import Role, set_role
from tests import factories, pictures

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir", "webhooks_to_here")]

# What is asked, by the route of what is asked: a row is made, and its address and the body are given.
Asked = Callable[[Camera], tuple[str, Any]]


def of_event(end: str, **values: Any) -> Asked:
    def asked(camera: Camera) -> tuple[str, Any]:
        return f"events/{factories.event(camera, **values).pk}/{end}", {}

    return asked


def of_alert(end: str) -> Asked:
    return lambda camera: (f"alerts/{factories.alert(factories.event(camera)).pk}/{end}", {})


def retried(camera: Camera) -> tuple[str, Any]:
    upload = factories.upload(camera, state="dead")
    factories.dead_letter(upload)
    return f"uploads/{upload.pk}/retry", {}


BY_OPERATORS: dict[str, Asked] = {
    "api/uploads/<int:pk>/retry": retried,
    "api/events/<int:pk>/restore": of_event("restore", deleted_at=factories.NOW),
    "api/events/<int:pk>/reanalyse": of_event("reanalyse"),
    "api/alerts/<int:pk>/acknowledge": of_alert("acknowledge"),
    "api/alerts/<int:pk>/dismiss": of_alert("dismiss"),
    "api/cameras/<slug:pk>/uploads": lambda camera: (f"cameras/{camera.pk}/uploads", None),
}
BY_ADMINISTRATORS: dict[str, Asked] = {
    "api/cameras": lambda _: ("cameras", {"name": "Yard"}),
    "api/cameras/<slug:pk>/zones": lambda camera: (
        f"cameras/{camera.pk}/zones", {"name": "Lawn", "polygon": [[0, 0], [1, 0], [1, 1]]},
    ),
    "api/alert-rules": lambda _: ("alert-rules", {"name": "People", "labels": ["person"]}),
    "api/notification-channels": lambda _: (
        "notification-channels", {"name": "phone", "kind": "webhook", "url": "http://127.0.0.1:9/hook"},
    ),
}  # fmt: skip
IN_BULK = {"api/events/bulk-review", "api/events/bulk-delete"}


@dataclass(frozen=True)
class Sender:
    """A user with a token, who sends everything with the same key."""

    user: User

    def send(self, path: str, body: Any, scopes: tuple[str, ...] = ("write", "ingest")) -> Any:
        headers = {"Idempotency-Key": "the same", "X-API-Key": factories.token(self.user, *scopes)}
        if body is None:
            file = SimpleUploadedFile("a.jpg", pictures.jpeg())
            return Client().post(f"/api/{path}", {"file": file}, headers=headers)
        return Client().post(f"/api/{path}", body, content_type="application/json", headers=headers)


@pytest.fixture
def porch() -> Camera:
    return factories.camera("porch")


@pytest.fixture
def operator(porch: Camera) -> Sender:
    """By grant of a group, and with the role operator."""
    user = factories.user()
    set_role(user, Role.OPERATOR)
    group = Group.objects.create(name="family")
    user.groups.add(group)
    CameraGrant.objects.create(camera=porch, group=group)
    return Sender(user)


def without_grant(user: User) -> None:
    CameraGrant.objects.all().delete()


def out_of_the_group(user: User) -> None:
    user.groups.remove(Group.objects.get(name="family"))


def with_another_grant(user: User) -> None:
    CameraGrant.objects.update(camera=factories.camera("garden"))


def a_viewer(user: User) -> None:
    set_role(user, Role.VIEWER)


REVOKED: dict[Callable[[User], None], int] = {
    without_grant: 404, out_of_the_group: 404, with_another_grant: 404, a_viewer: 403,
}  # fmt: skip


def routes_with_a_key(resolver: URLResolver | None = None, before: str = "") -> Iterator[str]:
    for pattern in (resolver or get_resolver()).url_patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes_with_a_key(pattern, route)
        elif isinstance(pattern, URLPattern):
            post = getattr(getattr(pattern.callback, "cls", None), "post", None)
            if hasattr(post, "heeds_idempotency_key"):
                yield route


def test_every_address_that_heeds_a_key_is_tried_here():
    tried = {*BY_OPERATORS, *BY_ADMINISTRATORS, *IN_BULK} - {"api/cameras/<slug:pk>/uploads"}
    assert set(routes_with_a_key()) == tried


@pytest.mark.parametrize("revoke", REVOKED)
@pytest.mark.parametrize("route", BY_OPERATORS)
def test_after_a_right_is_gone_the_kept_answer_is_not_shown(
    operator: Sender, porch: Camera, route: str, revoke: Callable[[User], None]
):
    path, body = BY_OPERATORS[route](porch)
    first, again = operator.send(path, body), operator.send(path, body)
    assert first.status_code in (200, 201, 202)
    assert (again.status_code, again[REPLAYED], again.json()) == (first.status_code, "true", first.json())
    revoke(operator.user)
    refused = operator.send(path, body)
    assert (refused.status_code, REPLAYED in refused) == (REVOKED[revoke], False)
    assert porch.pk not in refused.content.decode().replace(path, "")
    assert IdempotencyRecord.objects.count() == 1


@pytest.mark.parametrize("route", BY_OPERATORS)
def test_another_token_of_the_user_needs_the_scope_as_well(operator: Sender, porch: Camera, route: str):
    path, body = BY_OPERATORS[route](porch)
    assert operator.send(path, body).status_code < 300
    ApiToken.objects.all().delete()
    assert operator.send(path, body, ("read",)).status_code == 403


def test_with_the_grant_the_kept_answer_comes_back(operator: Sender, porch: Camera):
    path, body = BY_OPERATORS["api/events/<int:pk>/reanalyse"](porch)
    first = operator.send(path, body)
    out_of_the_group(operator.user)
    assert operator.send(path, body).status_code == 404
    operator.user.groups.add(Group.objects.get(name="family"))
    assert operator.send(path, body).json() == first.json()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
@pytest.mark.parametrize("route", BY_ADMINISTRATORS)
def test_who_is_no_administrator_any_more_reads_nothing_of_what_was_made(porch: Camera, route: str, role: Role):
    boss = Sender(factories.user(sees=porch))
    set_role(boss.user, Role.ADMIN)
    path, body = BY_ADMINISTRATORS[route](porch)
    first = boss.send(path, body, ("admin",))
    assert (first.status_code, boss.send(path, body, ("admin",)).json()) == (201, first.json())
    set_role(boss.user, role)
    refused = boss.send(path, body, ("admin",))
    assert (refused.status_code, REPLAYED in refused) == (403, False)


@pytest.mark.parametrize("values", [{}, {"reviewed": True}])
def test_of_many_each_is_looked_at_again(operator: Sender, porch: Camera, values: dict[str, Any]):
    """Without values it is a deletion: what is in the trash by then is still the user's to see."""
    shed = factories.camera("shed")
    CameraGrant.objects.create(camera=shed, group=Group.objects.get(name="family"))
    mine, lost, never = (factories.event(of).pk for of in (porch, shed, factories.camera("garden")))
    path = "events/bulk-review" if values else "events/bulk-delete"
    body = {"ids": [lost, never, mine, 999_999], **values}
    done = 200 if values else 204
    first = operator.send(path, body)
    assert statuses(first) == {lost: done, never: 404, mine: done, 999_999: 404}
    CameraGrant.objects.filter(camera=shed).delete()
    again = operator.send(path, body)
    assert (again.status_code, again[REPLAYED]) == (207, "true")
    assert statuses(again) == {lost: 404, never: 404, mine: done, 999_999: 404}
    unknown = [{**item, "id": 0} for item in again.json()["items"] if item["status"] == 404]
    assert all(item == unknown[0] for item in unknown)  # nothing tells them apart
    assert Event.objects.count() == (3 if values else 1)


def statuses(answer: Any) -> dict[int, int]:
    return {item["id"]: item["status"] for item in json.loads(answer.content)["items"]}


def test_the_kept_answer_of_an_upload_is_of_the_camera_that_is_asked_for(operator: Sender, porch: Camera):
    """A key that was used for one camera is refused for another one."""
    garden = factories.camera("garden")
    CameraGrant.objects.create(camera=garden, group=Group.objects.get(name="family"))
    assert operator.send(f"cameras/{porch.pk}/uploads", None).status_code == 201
    without_grant(operator.user)
    CameraGrant.objects.create(camera=garden, user=operator.user)
    refused = operator.send(f"cameras/{garden.pk}/uploads", None)
    assert (refused.status_code, refused.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
