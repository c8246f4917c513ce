"""The card of an event on the live page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from events.labels import detected, detections, verdict_key, words
from events.models import Event
from hsi.http.url_prefix import link


@dataclass(frozen=True, slots=True)
class EventCard:
    """`score` is empty if there is none. The address of `picture` changes with the number of detections."""

    id: int
    camera: str
    camera_id: str
    started_at: datetime
    updated_at: datetime
    score: str
    level: str
    level_label: str
    verdict: str
    is_pending: bool
    is_failed: bool
    sentence: str
    labels: list[str]
    detections: str
    reasoning: str
    recommended_action: str
    is_fast_path: bool
    reviewed: bool
    picture_link: str
    picture: str


def cards(events: list[Event], camera_names: dict[str, str]) -> list[EventCard]:
    texts = words()
    return [_card(event, camera_names.get(event.camera_id, event.camera_id), texts) for event in events]


def _card(event: Event, camera: str, labels: dict[str, dict[str, str]]) -> EventCard:
    level = event.risk_level or ""
    return EventCard(
        id=event.pk,
        camera=camera,
        camera_id=event.camera_id,
        started_at=event.started_at,
        updated_at=event.updated_at,
        score="" if event.risk_score is None else str(event.risk_score),
        level=level or "none",
        level_label=labels["levels"][level] if level else labels["no_level"][event.analysis],
        verdict=labels["verdicts"][verdict_key(event)],
        is_pending=event.analysis == Event.Analysis.PENDING,
        is_failed=event.analysis == Event.Analysis.FAILED,
        sentence=event.summary or detected(event.labels),
        labels=event.labels,
        detections=detections(event.detection_count),
        reasoning=event.reasoning,
        recommended_action=event.recommended_action,
        is_fast_path=event.is_fast_path,
        reviewed=event.reviewed,
        picture_link=link(f"/api/events/{event.pk}/snapshot?boxes=1"),
        picture=link(f"/api/events/{event.pk}/snapshot?boxes=1&seen={event.detection_count}"),
    )
