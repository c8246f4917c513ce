"""The content of a notification: JSON for programs, text for people, and a picture."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from cameras.files.originals import MediaGoneError
from events.labels import VERDICTS, detected, verdict_key
from events.media import snapshot
from events.models import Alert, Delivery, Event
from events.serializers import AlertData, EventData, alert_data, event_data
from events.severity import LABELS
from hsi.errors import MediaError
from hsi.times import iso

TYPES = {Delivery.Stage.FIRST.value: "alert.created", Delivery.Stage.UPDATE.value: "alert.updated"}
LONGEST_TITLE = 150
LONGEST_TEXT = 1500
LINK = re.compile(r"(?i)\b(?:[a-z][a-z0-9+.-]{0,20}://|www\.)\S+")


@dataclass(frozen=True, slots=True)
class Notification:
    """`id` is the same for every stage and attempt of one alert. A test of a channel has no alert and no event.

    `reached` are the recipients that got it in an earlier attempt.
    """

    id: str
    type: str
    time: datetime
    title: str
    text: str
    event: Event | None = None
    alert: Alert | None = None
    reached: frozenset[str] = frozenset()

    @property
    def body(self) -> bytes:
        """Return the JSON for webhooks and MQTT."""
        alert: AlertData | None = alert_data(self.alert) if self.alert else None
        event: EventData | None = event_data(self.event) if self.event else None
        content = {"id": self.id, "type": self.type, "alert": alert, "event": event, "time": iso(self.time)}
        return json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")

    def picture(self) -> bytes | None:
        """Return the best picture of the event with its boxes, as JPEG. None if it no longer exists."""
        if self.event is None:
            return None
        try:
            return snapshot.draw(snapshot.best_view(self.event), boxes=True)
        except (MediaGoneError, MediaError):
            return None


def notification_of(delivery: Delivery) -> Notification:
    """Return the current content of `delivery`. Select its alert, event and camera with it."""
    alert = delivery.alert
    event = alert.event
    level = LABELS.get(event.risk_level or "", "Alert")
    prefix = "" if delivery.stage == Delivery.Stage.FIRST else "Judged: "
    return Notification(
        id=str(alert.uid),
        type=TYPES[delivery.stage],
        time=alert.updated_at,
        title=plain(f"{prefix}{level}: {event.camera.name}", LONGEST_TITLE),
        text=_text(event),
        event=event,
        alert=alert,
        reached=frozenset(delivery.reached),
    )


def test_notification(name: str) -> Notification:
    """Return a notification that shows that the channel works."""
    text = f"This is a test of the notification channel {name}. Alerts look like this."
    title = plain(f"{settings.APP_NAME}: test", LONGEST_TITLE)
    return Notification("test", "channel.test", timezone.now(), title, plain(text, LONGEST_TEXT))


def _text(event: Event) -> str:
    at = event.started_at.astimezone(event.camera.zone)
    lines = [
        plain(event.summary or detected(event.labels), LONGEST_TEXT),
        f"{at:%Y-%m-%d %H:%M:%S}, score {event.risk_score}. {VERDICTS[verdict_key(event)]}",
        plain(event.recommended_action, LONGEST_TEXT),
    ]
    return "\n".join(filter(None, lines))


def plain(text: str, length: int) -> str:
    """Return one line without control characters and links: names and texts are untrusted, and phones open links."""
    line = LINK.sub("[link]", " ".join("".join(c if c.isprintable() else " " for c in text).split()))
    return line if len(line) <= length else f"{line[: length - 1]}…"
