"""Rows for tests, each with sensible values: name only what the test is about."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import Group, User

from cameras.models import Camera, CameraGrant, Upload, Zone, version_key
from detection.models import Batch, Detection, StaticObject
from events.models import Alert, AlertRule, Delivery, Event, EventBatch, Habit, NotificationChannel, Track
from events.notifications import channels
from hsi.models import ApiToken, DeadLetter
from hsi.queues import Job, JobHandler
from hsi.security.roles import Role
from hsi.security.tokens import create_token

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse battery staple"
_numbers = itertools.count(1)


def user(username: str = "", *, sees: Camera | None = None, role: Role | None = Role.OPERATOR, **values: Any) -> User:
    """A user with `PASSWORD` and a role, who may see the camera `sees`. `role=None`: as somebody just made one."""
    made = User.objects.create_user(username or f"user{next(_numbers)}", password=PASSWORD, **values)
    if role is not None:
        made.groups.add(Group.objects.get_or_create(name=role.group)[0])
    if sees is not None:
        CameraGrant.objects.create(camera=sees, user=made)
    return made


def admin(username: str = "") -> User:
    return user(username or f"admin{next(_numbers)}", role=None, is_staff=True, is_superuser=True)


def token(owner: User, *scopes: str, **values: Any) -> str:
    """The text of a new token of `owner`; `values` are set on its row."""
    row, text = create_token(owner, "a test", list(scopes or ("read",)))
    ApiToken.objects.filter(pk=row.pk).update(**values) if values else None
    return text


def camera(identity: str = "", **values: Any) -> Camera:
    identity = identity or f"camera{next(_numbers)}"
    return Camera.objects.create(**{"id": identity, "name": identity.title(), "folder": identity, **values})


def zone(of: Camera | None = None, **values: Any) -> Zone:
    """The lower half of the picture."""
    lower_half = [[0, 0.5], [1, 0.5], [1, 1], [0, 1]]
    name = f"zone{next(_numbers)}"
    return Zone.objects.create(**{"id": name, "name": name, "camera": of or camera(), "polygon": lower_half, **values})


def upload(of: Camera | None = None, **values: Any) -> Upload:
    """A picture in which something was found."""
    of = of or camera()
    number = next(_numbers)
    path, size, mtime_ns = f"{of.folder}/picture{number}.jpg", 1000 + number, number * 1_000_000_000
    defaults: dict[str, Any] = {
        "camera": of,
        "path": path,
        "size": size,
        "mtime_ns": mtime_ns,
        "sha256": hashlib.sha256(str(number).encode()).hexdigest(),
        "captured_at": NOW,
        "captured_at_source": Upload.TimeSource.MTIME,
        "received_at": NOW,
        "state": Upload.State.DETECTED,
    }
    merged = defaults | values
    merged.setdefault("version_key", version_key(f"{merged['path']}\0{number}", merged["size"], merged["mtime_ns"]))
    merged.setdefault("finished_at", None if merged["state"] == Upload.State.WAITING else merged["received_at"])
    return Upload.objects.create(**merged)


def batch(of: Camera | None = None, **values: Any) -> Batch:
    """A batch that has been analysed; `state` open or closed gives one that waits."""
    state = values.get("state", Batch.State.ANALYSED)
    defaults: dict[str, Any] = {
        "state": state,
        "started_at": NOW,
        "ended_at": NOW,
        "opened_at": NOW,
        "due_at": NOW + timedelta(seconds=90),
        "closed_at": None if state == Batch.State.OPEN else NOW + timedelta(seconds=90),
        "finished_at": NOW + timedelta(seconds=95) if state in (Batch.State.ANALYSED, Batch.State.DEAD) else None,
    }
    return Batch.objects.create(**{"camera": of or camera(), **defaults, **values})


def detection(of: Upload | None = None, within: Batch | None = None, **values: Any) -> Detection:
    """A person in the middle of the picture `of`, in the batch `within`."""
    of = of or upload(within.camera if within else None)
    if not values.get("ignored"):
        within = within or batch(of.camera)
    defaults: dict[str, Any] = {
        "ordinal": of.detections.count(),
        "label": "person",
        "confidence": 0.9,
        "x": 0.4,
        "y": 0.3,
        "width": 0.2,
        "height": 0.5,
        "captured_at": of.captured_at,
    }
    return Detection.objects.create(**{"upload": of, "batch": within, "camera": of.camera, **defaults, **values})


def static_object(of: Camera | None = None, **values: Any) -> StaticObject:
    """A car that has been in the middle of the picture for an hour."""
    defaults: dict[str, Any] = {
        "label": "car", "label_group": "vehicle", "x": 0.4, "y": 0.3, "width": 0.2, "height": 0.5, "since": NOW,
        "last_seen_at": NOW + timedelta(hours=1), "sightings": 20, "first_picture": 1, "last_picture": 20,
        "remembered_at": NOW + timedelta(minutes=10),
    }  # fmt: skip
    return StaticObject.objects.create(**{"camera": of or camera(), **defaults, **values})


def habit(of: Event, **values: Any) -> Habit:
    """A person outside all zones, in the hour of the event."""
    when = of.started_at.astimezone(of.camera.zone)
    defaults: dict[str, Any] = {"label_group": "person", "day": when.date(), "hour": when.hour}
    return Habit.objects.create(**{"camera": of.camera, "event": of, **defaults, **values})


def event(of: Camera | None = None, **values: Any) -> Event:
    """A judged event of one batch. `analysis="pending"` gives one without a score."""
    of = of or (values["batch"].camera if "batch" in values else camera())
    judged = {"risk_score": 70, "risk_level": Event.Level.HIGH, "risk_source": Event.Source.RULES}
    defaults: dict[str, Any] = {
        "analysis": Event.Analysis.DONE,
        "started_at": NOW,
        "ended_at": NOW + timedelta(seconds=10),
        "summary": "A person is at the door.",
        "labels": ["person"],
        "detection_count": 1,
        **(judged if values.get("analysis", "done") == "done" else {}),
    }
    merged = {"camera": of, "ended": True, **defaults, **values}
    of_batch = merged.pop("batch", None)
    made = Event.objects.create(**merged)
    times = {"started_at": merged["started_at"], "ended_at": merged["ended_at"]}
    EventBatch.objects.create(event=made, batch=of_batch or batch(of, **times))
    return made


def track(of: Event | None = None, **values: Any) -> Track:
    """A person who walks from the left to the middle in 10 seconds."""
    of = of or event()
    defaults: dict[str, Any] = {
        "number": of.tracks.count() + 1, "label_group": "person", "label": "person", "labels": ["person"],
        "confidence": 0.9, "started_at": NOW, "ended_at": NOW + timedelta(seconds=10), "moved": True, "entry": "left",
        "exit": "centre", "path": [[0, 0.05, 0.8], [5, 0.3, 0.8], [10, 0.5, 0.8]], "detection_count": 3,
        "best_detection": 1,
    }  # fmt: skip
    return Track.objects.create(**{"event": of, **defaults, **values})


def dead_letter(of: Upload | None = None, **values: Any) -> DeadLetter:
    """An open letter of a detection job that was refused."""
    defaults: dict[str, Any] = {
        "queue": "detection_queue",
        "row_id": (of or upload(state=Upload.State.DEAD)).pk,
        "reason": "refused",
        "error_type": "MediaError",
        "error_text": "It cannot be decoded.",
        "first_failed_at": NOW,
        "last_failed_at": NOW,
    }
    return DeadLetter.objects.create(**{**defaults, **values})


def rule(*tells: NotificationChannel, **values: Any) -> AlertRule:
    """A rule that every judged event matches, told to the channels `tells`."""
    made = AlertRule.objects.create(**{"name": f"rule{next(_numbers)}", "cooldown_seconds": 0, **values})
    made.channels.set(tells)
    return made


def channel(kind: str = "webhook", **values: Any) -> NotificationChannel:
    """A channel; `url`, `secret` and `password` are sealed. Its host must be allowed."""
    made = NotificationChannel()
    fields = {"url": "http://127.0.0.1:9/hook"} if kind == "webhook" else {}
    channels.configure(made, {"name": f"channel{next(_numbers)}", "kind": kind, **fields, **values})
    made.save()
    return made


def alert(of: Event | None = None, **values: Any) -> Alert:
    """An open alert of an event."""
    of = of or event()
    defaults: dict[str, Any] = {
        "event": of,
        "rule": values["rule"] if "rule" in values else rule(),
        "camera": of.camera,
        "dedup_key": of.camera_id,
        "window": next(_numbers),
        "severity": of.risk_level or "low",
    }
    return Alert.objects.create(**{**defaults, **values})


def delivery(of: Alert, to: NotificationChannel, **values: Any) -> Delivery:
    """A first telling that is due."""
    return Delivery.objects.create(**{"alert": of, "channel": to, "stage": "first", "due_at": 0, **values})


def job_handler(
    work: Callable[[Job], None] = lambda job: None, on_dead: Callable[[int, str], None] = lambda row_id, reason: None
) -> JobHandler:
    return JobHandler(work, on_dead, on_requeue=lambda row_id: True)
