"""Events and alerts in the API and the stream, and the validated requests of a review."""

from __future__ import annotations

from datetime import UTC
from typing import Any, TypedDict, cast

from django.db.models import QuerySet
from rest_framework import serializers

from events.models import Alert, Event
from hsi.api.filters import BIGGEST_ID
from hsi.api.inputs import Input
from hsi.db import json_rows
from hsi.http.url_prefix import link
from hsi.times import iso

MAX_NOTES = 10_000
MAX_BULK = 200


class EventData(TypedDict):
    """What happened in one visit. There is no score without a `risk_source`. Texts may come from a language model.

    `ended` means that the visit is over. `continues` is the event before it that may show the same visitor.
    `held_back_by` has the alerts whose cool-down prevented an alert of this event. null is an alert of another camera.
    """

    id: int
    camera: str
    started_at: str
    ended_at: str
    risk_score: int | None
    risk_level: str | None
    risk_source: str | None
    rule_score: int | None
    model_score: int | None
    analysis: str
    summary: str
    reasoning: str
    recommended_action: str
    model: str
    labels: list[str]
    detection_count: int
    people_at_once: int
    is_fast_path: bool
    ended: bool
    continues: int | None
    held_back_by: list[int | None]
    reviewed: bool
    notes: str
    snooze_until: str | None
    snapshot_url: str
    created_at: str
    updated_at: str


class EventDeletedData(TypedDict):
    """An event was removed for `reason`. `merged_into` is the event that shows the visit now."""

    id: int
    camera: str
    reason: str
    merged_into: int | None


class AlertData(TypedDict):
    """An alert that a rule made for an event. `rule` is null when the rule was deleted."""

    id: int
    event: int
    rule: int | None
    camera: str
    severity: str
    status: str
    created_at: str
    updated_at: str


# The fields of `EventData`, each with its attribute of an event.
COLUMNS = tuple(
    (name, {"camera": "camera_id", "continues": "continues_id", "snapshot_url": "id"}.get(name, name))
    for name in EventData.__annotations__
)


def event_data(event: Event) -> EventData:
    """Return the event, ready for JSON. `camera` is the id of the camera."""
    return _with_link(json_rows.values(event, COLUMNS))


def events_data(events: QuerySet[Event]) -> list[EventData]:
    """Return all events of a query."""
    return [_with_link(row) for row in json_rows.read(events, COLUMNS)]


def _with_link(row: dict[str, Any]) -> EventData:
    row["snapshot_url"] = link(f"/api/events/{row['snapshot_url']}/snapshot?boxes=1")
    return cast(EventData, row)


def alert_data(alert: Alert) -> AlertData:
    return {
        "id": alert.pk,
        "event": alert.event_id,
        "rule": alert.rule_id,
        "camera": alert.camera_id,
        "severity": alert.severity,
        "status": alert.status,
        "created_at": iso(alert.created_at),
        "updated_at": iso(alert.updated_at),
    }


class ReviewSerializer(Input):
    """Fields of a review. All are optional."""

    reviewed = serializers.BooleanField(required=False)
    notes = serializers.CharField(required=False, allow_blank=True, max_length=MAX_NOTES, trim_whitespace=False)
    snooze_until = serializers.DateTimeField(required=False, allow_null=True, default_timezone=UTC)


class BulkDeleteSerializer(Input):
    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=BIGGEST_ID), min_length=1, max_length=MAX_BULK
    )


class BulkReviewSerializer(ReviewSerializer, BulkDeleteSerializer):
    """Ids of events, and the fields to change in each of them."""
