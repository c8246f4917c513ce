"""`/ws/system`: for administrators, beside `/ws/events` and by the same code."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from cameras.models import Camera, CameraGrant
from hsi.security.roles import Role, set_role
from tests.events.stream.streaming import end_of, frame, publish, ready, say, seqs, session_of, token_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.made_up_messages]

SYSTEM = "/ws/system"


def test_an_administrator_hears_of_the_system_live_and_again(server, admin):
    publish("front", kind="event.created")
    publish("", kind="system.status")
    with server.client("?after=0", token=token_of(admin), path=SYSTEM) as client:
        assert ready(client) == 2
        assert frame(client)["type"] == "system.status"
        for kind in ("service.status", "event.created", "worker.status", "queue.pressure", "gpu.stats"):
            publish("", kind=kind)
        assert [frame(client)["type"] for _ in range(4)] == [
            "service.status", "worker.status", "queue.pressure", "gpu.stats",
        ]  # fmt: skip


def test_each_address_has_its_own_families_for_everybody(server, admin, viewer):
    """A viewer hears nothing of the system, and an administrator hears it at its own address only."""
    with server.client(token=token_of(viewer)) as one, server.client(token=token_of(admin)) as other:
        ready(one), ready(other)
        for kind in (
            "system.status",
            "service.status",
            "worker.status",
            "queue.pressure",
            "gpu.stats",
        ):
            publish("", kind=kind)
        publish("front", kind="event.created")
        assert seqs(one, 1) == seqs(other, 1) == [6]


@pytest.mark.parametrize("way", ["token", "cookie"])
def test_who_is_no_administrator_is_refused_with_4403(server, admin, viewer, way):
    shown = {"token": token_of(viewer, "admin")} if way == "token" else {"cookie": session_of(viewer)}
    with server.client(path=SYSTEM, **shown) as client:
        code, reason = end_of(client)
    assert code == 4403
    assert "administrators" in reason


def test_staff_without_more_is_no_administrator(server, admin):
    staff = User.objects.create_user("staff", is_staff=True)
    with server.client(path=SYSTEM, token=token_of(staff)) as client:
        assert end_of(client)[0] == 4403


def test_an_administrator_by_group_is_one_here_until_the_group_is_left(server, admin):
    boss = User.objects.create_user("boss")
    set_role(boss, Role.ADMIN)
    ways = {"token": token_of(boss)}, {"cookie": session_of(boss)}
    with server.client(path=SYSTEM, **ways[0]) as one, server.client(path=SYSTEM, **ways[1]) as other:
        ready(one), ready(other)
        publish("", kind="worker.status")
        assert [frame(client)["type"] for client in (one, other)] == ["worker.status"] * 2
        set_role(User.objects.get(pk=boss.pk), Role.OPERATOR)
        server.check()
        assert [end_of(client)[0] for client in (one, other)] == [4403] * 2
    with server.client(path=SYSTEM, token=token_of(boss, "admin")) as client:
        assert end_of(client)[0] == 4403


def test_a_stranger_is_refused_with_4401(server, admin):
    with server.client(path=SYSTEM) as client:
        assert end_of(client)[0] == 4401


def test_an_administrator_who_is_none_any_more_loses_this_address_and_keeps_the_other(server, admin):
    token = token_of(admin)
    with server.client(path=SYSTEM, token=token) as system, server.client(token=token) as events:
        ready(system), ready(events)
        Camera.objects.create(id="front", name="front", folder="front")
        CameraGrant.objects.create(camera_id="front", user=admin)
        User.objects.update(is_superuser=False)
        server.check()
        assert end_of(system)[0] == 4403
        publish("back", "front")
        assert frame(events)["camera"] == "front"


def test_a_subscription_names_families_of_its_own_address_only(server, admin):
    with server.client(path=SYSTEM, token=token_of(admin)) as client:
        ready(client)
        say(client, "subscribe", types=["event.*"])
        answer = frame(client)
        assert answer["code"] == "invalid_message"
        assert "worker.*" in answer["detail"]
        say(client, "subscribe", types=["worker.*", "queue.pressure"])
        assert frame(client)["type"] == "subscribed"
        publish("", kind="system.status")
        publish("", kind="queue.pressure")
        assert frame(client)["seq"] == 2
