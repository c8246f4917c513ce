"""The rows of the static memory and of the view: load and save them with a picture, forget and expire objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from cameras.models import Camera
from detection.models import Scene, StaticObject
from detection.relevance.static_memory import FORGOTTEN_AFTER, KnownObject, StaticMemory
from detection.relevance.view import ViewMemory
from hsi import audit
from hsi.db import sql
from hsi.times import iso

CHANGING = (
    "label", "x", "y", "width", "height", "appeared_at", "last_seen_at", "sightings", "first_picture", "last_picture",
)  # fmt: skip
COLUMNS = ("label_group", "since", "remembered_at", *CHANGING)


@dataclass(slots=True)
class StoredMemory:
    """The memory of a camera, whose row is locked. It is asked for, and read and written later.

    A scene has a row from its first picture on.
    """

    camera_id: str
    scenes: sql.Answer[Scene]
    objects: sql.Answer[StaticObject]
    has_scene: bool = True

    @classmethod
    def ask(cls, camera_id: str) -> StoredMemory:
        """Two queries."""
        of_camera = {"camera": camera_id}
        return cls(
            camera_id,
            sql.ask(Scene, "camera_id=%(camera)s", of_camera),
            sql.ask(StaticObject, "camera_id=%(camera)s ORDER BY id", of_camera),
        )

    def load(self) -> StaticMemory:
        scenes = self.scenes.rows()
        self.has_scene = bool(scenes)
        scene = scenes[0] if scenes else Scene()
        remembered = [
            KnownObject(**{name: getattr(row, name) for name in COLUMNS}, pk=row.pk) for row in self.objects.rows()
        ]
        candidates = map(_candidate, scene.candidates)
        return StaticMemory(
            [*remembered, *candidates],
            pictures=scene.pictures,
            last_picture_at=scene.last_picture_at,
            view=ViewMemory.from_json(scene.view),
        )

    def save(self, memory: StaticMemory) -> None:
        """Write what the memory has learned: at most four queries, for any number of objects."""
        if not memory.has_new_picture:
            return
        self._save_scene(memory)
        sql.update_many(StaticObject, list(memory.changed.values()), CHANGING)
        added = [
            {"camera_id": self.camera_id, **{name: getattr(one, name) for name in COLUMNS}} for one in memory.added
        ]
        sql.insert(StaticObject, added)
        sql.delete(StaticObject, [one.pk for one in memory.removed if one.pk is not None])
        if memory.restarts:
            # Most pictures restart nothing, so this costs them no query.
            removed = [audit_data(one) for one in memory.removed]
            audit.record("static_memory_restarted", f"camera {self.camera_id}", before=removed)

    def _save_scene(self, memory: StaticMemory) -> None:
        values: dict[str, Any] = {
            "pictures": memory.pictures,
            "last_picture_at": memory.last_picture_at,
            "candidates": [_as_json(one) for one in memory.candidates],
        }
        if memory.view.has_news or not self.has_scene:
            values["view"] = memory.view.as_json()
        if self.has_scene:
            sql.write(Scene(camera_id=self.camera_id), values)
        else:
            sql.insert(Scene, [{"camera_id": self.camera_id, **values}])


def _as_json(one: KnownObject) -> list[Any]:
    """Return a candidate as a list without names and with times in seconds: a busy picture has dozens of them."""
    appeared_at = None if one.appeared_at is None else one.appeared_at.timestamp()
    times = (one.since.timestamp(), appeared_at, one.last_seen_at.timestamp())
    pictures = (one.sightings, one.first_picture, one.last_picture)
    return [one.label_group, one.label, one.x, one.y, one.width, one.height, *times, *pictures]


def _candidate(values: Sequence[Any]) -> KnownObject:
    label_group, label, x, y, width, height, since, appeared_at, last_seen_at, *pictures = values
    return KnownObject(
        label_group,
        label,
        x,
        y,
        width,
        height,
        datetime.fromtimestamp(since, UTC),
        None if appeared_at is None else datetime.fromtimestamp(appeared_at, UTC),
        datetime.fromtimestamp(last_seen_at, UTC),
        *pictures,
    )


def forget(objects: QuerySet[StaticObject], camera_id: str) -> int:
    """Forget objects of one camera, so that they count again, and return how many."""
    with transaction.atomic():
        # A picture locks its camera before it changes the objects, and so does this.
        sql.lock(Camera, camera_id)
        forgotten = list(objects.filter(camera=camera_id).order_by("pk"))
        for one in forgotten:
            audit.record("static_object_forgotten", f"camera {camera_id}", before=audit_data(one))
        StaticObject.objects.filter(pk__in=[one.pk for one in forgotten]).delete()
    return len(forgotten)


def audit_data(one: StaticObject | KnownObject) -> dict[str, Any]:
    box = [round(value, 4) for value in (one.x, one.y, one.width, one.height)]
    return {"label": one.label, "box": box, "since": iso(one.since)}


def expired(now: datetime) -> QuerySet[StaticObject]:
    """Return the objects that were not seen for a day."""
    return StaticObject.objects.filter(last_seen_at__lt=now - FORGOTTEN_AFTER)
