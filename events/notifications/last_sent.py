"""What a reader was told of an event, so that nobody is told the same twice."""

from __future__ import annotations

from typing import Any

from events.models import Delivery, Event


def of(event: Event) -> dict[str, Any]:
    """What a notification about `event` tells now: score, level and text."""
    return {
        "risk_score": event.risk_score,
        "risk_level": event.risk_level,
        "summary": event.summary,
        "recommended_action": event.recommended_action,
    }


def told_last(first: Delivery | None, update: Delivery | None) -> dict[str, Any]:
    """What the channel was told last by the deliveries of one alert; empty for nothing."""
    return (update.told if update else {}) or (first.told if first else {})
