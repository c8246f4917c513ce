"""The rows of the static memory and of the view: load and save them with a picture, forget and expire objects."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

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
CANDIDATE = ("label_group", "since", *CHANGING)
TIMES = ("since", "appeared_at", "last_seen_at")


def load(camera_id: str) -> StaticMemory:
    """Return the memory of a camera, locked until the end of the transaction. Two queries."""
    condition, of_camera = "camera_id=%(camera)s", {"camera": camera_id}
    scenes = sql.select(Scene, condition, of_camera, lock=True)
    if not scenes:
        Scene.objects.bulk_create([Scene(camera_id=camera_id)], ignore_conflicts=True)
        scenes = sql.select(Scene, condition, of_camera, lock=True)
    rows = sql.select(StaticObject, f"{condition} ORDER BY id", of_camera)
    remembered = [KnownObject(**{name: getattr(row, name) for name in COLUMNS}, pk=row.pk) for row in rows]
    (scene,) = scenes
    candidates = map(_candidate, scene.candidates)
    return StaticMemory(
        [*remembered, *candidates],
        pictures=scene.pictures,
        last_picture_at=scene.last_picture_at,
        view=ViewMemory.from_json(scene.view),
    )


def save(memory: StaticMemory, camera_id: str) -> None:
    """Write what a memory has learned: at most four queries, for any number of objects."""
    if not memory.has_new_picture:
        return
    values: dict[str, Any] = {
        "pictures": memory.pictures,
        "last_picture_at": memory.last_picture_at,
        "candidates": [_as_json(one) for one in memory.candidates],
    }
    if memory.view.has_news:
        values["view"] = memory.view.as_json()
    sql.update(Scene(camera_id=camera_id), values)
    sql.update_many(StaticObject, list(memory.changed.values()), CHANGING)
    added = [{"camera_id": camera_id, **{name: getattr(one, name) for name in COLUMNS}} for one in memory.added]
    sql.insert(StaticObject, added)
    sql.delete(StaticObject, [one.pk for one in memory.removed if one.pk is not None])
    if memory.restarts:
        # Most pictures restart nothing, so this costs them no query.
        audit.record(
            "static_memory_restarted", f"camera {camera_id}", before=[audit_data(one) for one in memory.removed]
        )


def _as_json(candidate: KnownObject) -> dict[str, Any]:
    values = {name: getattr(candidate, name) for name in CANDIDATE}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def _candidate(values: dict[str, Any]) -> KnownObject:
    times = {name: datetime.fromisoformat(values[name]) if values[name] else None for name in TIMES}
    return KnownObject(**{**values, **times})


def forget(objects: QuerySet[StaticObject], camera_id: str) -> int:
    """Forget objects of one camera, so that they count again, and return how many."""
    with transaction.atomic():
        # A picture locks the scene before it changes the objects, and so does this.
        list(Scene.objects.select_for_update(no_key=True).filter(pk=camera_id))
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
