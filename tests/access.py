"""Who may come, and what each of them is answered at every address: said here, once.

The data is for requests in this process and over a socket alike: `build` makes a world of rows and people in the
database, and each person has a session's key and a token. `tests/access_admin.py` adds the admin.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from cameras.models import CameraGrant
from detection.models import Scene
from hsi.security.roles import Role, set_role
from hsi.security.tokens import create_token
from tests import factories, pictures
from tests.everymodel import fill

# As they are told apart by what they may do. Both of the staff have every permission that Django knows.
PEOPLE = ("stranger", "neighbour", "viewer", "staff viewer", "operator", "staff operator", "admin")
ROLES = {
    "neighbour": Role.VIEWER, "viewer": Role.VIEWER, "staff viewer": Role.VIEWER,
    "operator": Role.OPERATOR, "staff operator": Role.OPERATOR, "admin": Role.ADMIN,
}  # fmt: skip
STAFF = ("staff viewer", "staff operator")
# Names that stand in the rows of what nobody but administrators (and the neighbour, of the garden) may see.
SECRETS = ("garden-of-the-neighbour", "somebody-else", "rule-of-the-boss", "channel-of-the-boss", "token-of-the-boss")

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
    "account": (302, 200, 200, 200),
    "account/password": (302, 405, 405, 405),
    "account/tokens": (302, 405, 405, 405),
    "account/tokens/<int:pk>/revoke": (302, 405, 405, 405),
    "api/cameras": ANYONE_SIGNED_IN,
    "api/cameras/<slug:pk>": OF_THE_CAMERA,
    "api/cameras/<slug:pk>/snapshot": OF_THE_CAMERA,
    "api/cameras/<slug:pk>/uploads": NOT_TO_READ,
    "api/cameras/<slug:pk>/zones": OF_THE_CAMERA,
    "api/cameras/<slug:pk>/zones/<slug:zone>": OF_THE_CAMERA,
    "api/cameras/<slug:pk>/static-objects": OF_THE_CAMERA,
    "api/cameras/<slug:pk>/static-objects/<int:static_object>": NOT_TO_READ,
    "api/cameras/<slug:pk>/habits": OF_THE_CAMERA,
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
    "api/events/<int:pk>/nearby": OF_THE_CAMERA,
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
    ("delete", "api/cameras/<slug:pk>/static-objects/<int:static_object>"): (
        401,
        403,
        403,
        404,
        404,
    ),
    ("delete", "api/cameras/<slug:pk>/static-objects"): (401, 403, 403, 204, 204),
    ("delete", "api/cameras/<slug:pk>/habits"): (401, 403, 403, 204, 204),
    ("post", "api/uploads/<int:pk>/retry"): (401, 403, 403, 409, 409),
    ("patch", "api/events/<int:pk>"): (401, 403, 403, 200, 200),
    ("delete", "api/events/<int:pk>"): (401, 403, 403, 204, 404),
    ("post", "api/events/<int:pk>/restore"): (401, 403, 403, 200, 404),
    ("post", "api/events/<int:pk>/reanalyse"): (401, 403, 403, 202, 202),
    ("post", "api/events/bulk-review"): (401, 403, 403, 400, 400),
    ("post", "api/events/export"): (401, 403, 403, 200, 200),
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
    # Forms that were not filled in: the page again, with what is wrong. A token of nobody here.
    ("post", "account/password"): (302, 200, 200, 200, 200),
    ("post", "account/tokens"): (302, 200, 200, 200, 200),
    ("post", "account/tokens/<int:pk>/revoke"): (302, 404, 404, 404, 404),
    ("post", "api/tokens"): (401, 400, 400, 400, 400),
    ("delete", "api/tokens/<int:pk>"): (401, 404, 404, 404, 404),
}


@dataclass(frozen=True, slots=True)
class Person:
    """`session` goes into the cookie `sessionid`, `token` (scope `admin`) into `X-API-Key`. A stranger has none."""

    name: str
    session: str = ""
    token: str = ""

    def client(self) -> Client:
        client = Client()
        if self.session:
            client.cookies["sessionid"] = self.session
        return client


@dataclass(frozen=True, slots=True)
class Case:
    """A request, and the statuses that each person may be answered with by their session.

    `shut_to` are those to whom nothing of the `SECRETS` may be told, whatever the status.
    """

    method: str
    route: str
    path: str
    allowed: dict[str, frozenset[int]]
    data: dict[str, Any] = field(default_factory=dict)
    note: str = ""

    @property
    def name(self) -> str:
        return f"{self.route} {self.note}".strip()

    @property
    def is_plain(self) -> bool:
        return self.method == "get" and self.note in ("", "mine")

    @property
    def asked(self) -> tuple[str, ...]:
        """Who asks where time is short: staff everything, whoever is let in everywhere or nowhere what is plain."""
        return (*STAFF, *("stranger", "viewer", "operator", "admin")[: 4 * self.is_plain])

    @property
    def shut_to(self) -> tuple[str, ...]:
        return tuple(who for who in PEOPLE if who not in ("admin", "neighbour"))


@dataclass(frozen=True, slots=True)
class World:
    """The camera `door` with rows of every kind, which most may see, and the neighbour's `garden`."""

    ids: dict[str, Any]
    people: dict[str, Person]

    def address(self, route: str) -> str:
        route = route.replace("<slug:name>", "detection_queue").replace("<slug:zone>", "lawn")
        route = route.replace("<int:static_object>", str(self.ids["static-objects"]))
        for part, pk in self.ids.items():
            if route.startswith((f"api/{part}/", f"account/{part}/")):
                route = route.replace("<slug:pk>", str(pk)).replace("<int:pk>", str(pk))
        assert "<" not in route, f"say in World.address what stands for the parameters of {route}"
        return route


def build() -> World:
    """Needs a data folder, and that webhooks may be sent to 127.0.0.1."""
    camera = factories.camera("door")
    other = factories.camera("garden", name="garden-of-the-neighbour")
    upload = pictures.stored(pictures.jpeg(), of=camera)
    factories.zone(camera, id="lawn")
    event = factories.event(camera)
    detection = factories.detection(upload, event.batches.get())
    fill(1)
    theirs = factories.event(other)
    factories.detection(factories.upload(other), theirs.batches.get())
    factories.zone(other, id="bed")
    factories.static_object(other)
    factories.habit(event)
    factories.habit(theirs)
    Scene.objects.bulk_create([Scene(camera=camera), Scene(camera=other)])
    rule, channel = factories.rule(name="rule-of-the-boss"), factories.channel(name="channel-of-the-boss")
    alert = factories.alert(event, rule=rule)
    factories.alert(theirs, rule=rule)
    token, _ = create_token(factories.user("somebody-else"), "token-of-the-boss", ["read"])
    CameraGrant.objects.create(camera=camera, user=User.objects.get(username="somebody-else"))
    ids = {
        "cameras": camera.pk, "uploads": upload.pk, "detections": detection.pk, "events": event.pk, "alerts": alert.pk,
        "static-objects": factories.static_object(camera).pk,
        "alert-rules": rule.pk, "notification-channels": channel.pk,
        "dead-letters": factories.dead_letter(upload).pk, "tokens": token.pk,
    }  # fmt: skip
    people = {who: _person(who, other if who == "neighbour" else camera) for who in PEOPLE[1:]}
    return World(ids, {"stranger": Person("stranger"), **people})


def _person(who: str, sees: Any) -> Person:
    user = factories.user(who.replace(" ", "-"), sees=None if who == "admin" else sees, role=None)
    set_role(user, ROLES[who])
    if who in STAFF:
        User.objects.filter(pk=user.pk).update(is_staff=True)
        user.user_permissions.set(Permission.objects.all())
    client = Client()
    client.force_login(User.objects.get(pk=user.pk))
    return Person(who, client.cookies["sessionid"].value, factories.token(user, "admin"))


def to_read(route: str) -> dict[str, int]:
    """What everyone is answered who reads `route`: staff as others of their role, where it is not the admin."""
    stranger, neighbour, viewer, admin, *rest = MATRIX[route]
    operator = rest[0] if rest else viewer
    return dict(zip(PEOPLE, (stranger, neighbour, viewer, viewer, operator, operator, admin), strict=True))


def to_change(method: str, route: str) -> dict[str, int] | None:
    """The same for a change that one after the other asks for; None where it is nobody's.

    What the operator has done, the operator of the staff finds done, as the administrator does.
    """
    answers = CHANGES.get((method, route))
    if answers is None:
        return None
    stranger, neighbour, viewer, operator, admin = answers
    after = admin if operator < 300 else operator
    return dict(zip(PEOPLE, (stranger, neighbour, viewer, viewer, operator, after, admin), strict=True))


def cases(world: World) -> list[Case]:
    """Every address outside the admin, read."""
    return [
        Case("get", route, f"/{world.address(route)}", {who: frozenset({one}) for who, one in to_read(route).items()})
        for route in MATRIX
    ]


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
