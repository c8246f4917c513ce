"""An event as the API and the stream show it, and what a person may change about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any, TypedDict

from rest_framework import serializers

from events.models import Event
from hsi.times import iso

MAX_NOTES = 10_000


class EventData(TypedDict):
    """What happened at one camera. There is no score without a `risk_source`; texts may be a language model's."""

    id: int
    camera: str
    started_at: str
    ended_at: str
    risk_score: int | None
    risk_level: str | None
    risk_source: str | None
    analysis: str
    summary: str
    reasoning: str
    recommended_action: str
    model: str
    labels: list[str]
    detection_count: int
    is_fast_path: bool
    reviewed: bool
    notes: str
    snooze_until: str | None
    snapshot_url: str
    created_at: str
    updated_at: str


class EventDeletedData(TypedDict):
    """An event was removed. `reason` is why."""

    id: int
    camera: str
    reason: str


def event_data(event: Event) -> EventData:
    """The event of contracts.md, ready for JSON. `camera` is the camera's id."""
    return {
        "id": event.pk,
        "camera": event.camera_id,
        "started_at": iso(event.started_at),
        "ended_at": iso(event.ended_at),
        "risk_score": event.risk_score,
        "risk_level": event.risk_level,
        "risk_source": event.risk_source,
        "analysis": event.analysis,
        "summary": event.summary,
        "reasoning": event.reasoning,
        "recommended_action": event.recommended_action,
        "model": event.model,
        "labels": event.labels,
        "detection_count": event.detection_count,
        "is_fast_path": event.is_fast_path,
        "reviewed": event.reviewed,
        "notes": event.notes,
        "snooze_until": iso(event.snooze_until),
        "snapshot_url": f"/api/events/{event.pk}/snapshot?boxes=1",
        "created_at": iso(event.created_at),
        "updated_at": iso(event.updated_at),
    }


class ReviewSerializer(serializers.Serializer[Event]):
    """The body of a PATCH: any of these, and nothing else."""

    reviewed = serializers.BooleanField(required=False)
    notes = serializers.CharField(required=False, allow_blank=True, max_length=MAX_NOTES, trim_whitespace=False)
    snooze_until = serializers.DateTimeField(required=False, allow_null=True, default_timezone=UTC)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := sorted(set(data) - set(self.fields))):
            allowed = ", ".join(self.fields)
            raise serializers.ValidationError({name: [f"Cannot be changed. These can: {allowed}."] for name in unknown})
        return super().to_internal_value(data)
