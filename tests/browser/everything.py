"""One row of every kind that the admin shows, with words as long as they may become."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone

from cameras.models import Camera, CameraGrant, Garbage, IntakeProblem
from detection.models import Scene
from events.models import Alert, Delivery, Event, LanguageModelServer, RejectedAnswer
from events.serializers import alert_data
from hsi import live_settings
from hsi.models import LoginFailure
from hsi.outbox import publish
from hsi.outbox.messages import CameraId, Message
from tests import factories

LONG = "A name that is as long as a name may become, " * 2
ERROR = "The host answered 502 Bad Gateway. " + "x" * 200


def everything() -> None:
    """What `night.issue` leaves out. Webhooks to 127.0.0.1 must be allowed."""
    event = Event.objects.order_by("pk").first()
    assert event is not None
    group = Group.objects.create(name=LONG)
    CameraGrant.objects.create(camera=event.camera, group=group)
    factories.user("u" * 100, sees=event.camera).groups.add(group)
    LoginFailure.objects.create(username_hash="0" * 64, address="192.0.2.1", created_at=timezone.now())
    Garbage.objects.create(root="cameras", path="d/" + "y" * 200, size=1)
    problem = {"kind": "unreadable_file", "count": 20, "example": "d/" + "y" * 200, "detail": ERROR}
    IntakeProblem.objects.create(folder=event.camera.folder, since=timezone.now(), **problem)
    factories.static_object(event.camera)
    Scene.objects.get_or_create(camera=event.camera)
    factories.habit(event)
    LanguageModelServer.objects.create(name=LONG[:40], api="openai")
    RejectedAnswer.objects.create(kind="denial", reason=ERROR, camera_id=event.camera_id)
    zone = factories.zone(event.camera, name=LONG)
    live_settings.change({"TRASH_DAYS": "12"})
    given_up(event, name=LONG, zones=[zone.pk, "gone"], cameras=[event.camera_id, "gone"], labels=["person"])
    with transaction.atomic():
        publish.publish(*messages(event.camera))


def given_up(event: Event, **rule: Any) -> Delivery:
    channel = factories.channel(name=LONG)
    alert = factories.alert(event, rule=factories.rule(channel, **rule))
    return factories.delivery(alert, channel, state="dead", due_at=None, attempts=7, last_error=ERROR)


def messages(of: Camera) -> list[Message]:
    """What the stream carries when an alert is made."""
    return [Message("alert.created", CameraId(of.pk), alert_data(alert)) for alert in Alert.objects.filter(camera=of)]
