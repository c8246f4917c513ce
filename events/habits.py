"""Habits of a camera: on how many of the last days it saw a kind of object at this hour.

A habit belongs to a camera, the kind of the zone and a group of labels, so that people who pass in the street do not
make a person at the door a habit. Only detections that are sure count: a spider web that is called a person every night
must not hide a person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from cameras.models import Camera, Zone
from detection.detectors.labels import group_of
from events.alerting.matching import LabelSummary
from events.analyzers.situation import HABIT_DAYS, most_protected, sure_confidence
from events.models import Event, Habit
from hsi import audit

HOURS_A_DAY = 24
NEIGHBOURS = (-1, 0, 1)  # the hours that count as "at this hour"
# A visit at half past midnight looks at the day before the first of the ten.
KEPT_DAYS = HABIT_DAYS + 2

Key = tuple[str, str]  # zone kind ("": outside), label group


def record(event: Event, summaries: Iterable[LabelSummary]) -> None:
    """Remember what an event showed, in its transaction. One upsert."""
    zones = zones_by_id(event.camera_id, {zone for one in summaries for zone in one.zones})
    local = event.started_at.astimezone(event.camera.zone)
    keys = {
        (most_protected(zones[zone].kind for zone in one.zones if zone in zones), group_of(one.label))
        for one in summaries
        if one.confidence >= sure_confidence(one.label)
    }
    Habit.objects.bulk_create(
        [
            Habit(
                camera_id=event.camera_id, zone_kind=kind, label_group=group, day=local.date(), hour=local.hour,
                event=event,
            )
            for kind, group in sorted(keys)
        ],
        update_conflicts=True,
        unique_fields=["camera", "day", "hour", "zone_kind", "label_group"],
        update_fields=["event"],
    )  # fmt: skip


def zones_by_id(camera_id: str, ids: Iterable[str]) -> dict[str, Zone]:
    """Return these zones as far as they still exist. No query without ids."""
    wanted = set(ids)
    return {zone.pk: zone for zone in Zone.objects.filter(camera=camera_id, pk__in=wanted)} if wanted else {}


def days_seen(camera_id: str, local: datetime) -> dict[Key, int]:
    """Return on how many of the last `HABIT_DAYS` days the camera saw each kind of object at this hour. One query.

    `local` is in the time zone of the camera. The hours before and after it count as well.
    """
    hours = [(local.hour + step) % HOURS_A_DAY for step in NEIGHBOURS]
    days = (local.date() - timedelta(days=KEPT_DAYS), local.date())
    rows = Habit.objects.filter(camera=camera_id, day__range=days, hour__in=hours)
    seen: defaultdict[Key, set[int]] = defaultdict(set)
    for kind, group, day, hour in rows.values_list("zone_kind", "label_group", "day", "hour"):
        days_ago = _days_between(day, hour, local)
        if 1 <= days_ago <= HABIT_DAYS:
            seen[kind, group].add(days_ago)
    return {key: len(days) for key, days in seen.items()}


def _days_between(day: date, hour: int, local: datetime) -> int:
    """Return the number of days from the hour to `local`, rounded: 23:00 of yesterday is 0 days before 0:00."""
    hours = (local.date() - day).days * HOURS_A_DAY + local.hour - hour
    return (hours + 1) // HOURS_A_DAY


@dataclass(frozen=True, slots=True)
class Routine:
    """On how many of the last days a camera saw a kind of object in one hour of the day."""

    zone_kind: str
    label_group: str
    hour: int
    days: int


def routines(camera_id: str, today: date) -> list[Routine]:
    """Return all habits of a camera, by kind of object and hour. `today` is in its time zone, and is not counted."""
    first = today - timedelta(days=HABIT_DAYS)
    days: defaultdict[tuple[str, str, int], int] = defaultdict(int)
    rows = Habit.objects.filter(camera=camera_id, day__gte=first, day__lt=today)
    for key in rows.values_list("zone_kind", "label_group", "hour"):
        days[key] += 1
    return [Routine(*key, count) for key, count in sorted(days.items())]


def clear(camera: Camera) -> int:
    """Delete all habits of a camera, and return the number of rows."""
    with transaction.atomic():
        deleted, _ = Habit.objects.filter(camera=camera).delete()
        if deleted:
            audit.record("habits_cleared", f"camera {camera.pk}", before={"rows": deleted})
    return deleted


def expired(now: datetime) -> QuerySet[Habit]:
    """Return the rows that no score counts any more."""
    return Habit.objects.filter(day__lt=now.date() - timedelta(days=KEPT_DAYS))
