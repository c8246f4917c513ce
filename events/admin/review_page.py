"""The context of the review page. Data that may reveal other cameras is for users who see all cameras."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from cameras.access import only_visible, sees_all
from events.labels import NO_LEVEL, verdict_key, words
from events.media.filmstrip import Timeline, timeline_of
from events.media.paths import colour_of_track, name_of
from events.models import Alert, AlertRule, Delivery, Event, FeedbackVerdict
from events.nearby import nearby
from events.severity import LABELS, TONES, disagree
from events.tracking.describe import parts
from events.tracking.update import stored_movement
from hsi.api.pagination import beyond, order
from hsi.models import AuditEntry
from hsi.security import policy
from hsi.security.roles import Person

SHOWN = 30
SOURCES = {"llm": "language model", "rules": "rules", None: "not analysed"}
ALERT_TONES = {"open": "bad", "acknowledged": "good", "dismissed": "calm"}
DELIVERY_TONES = {"pending": "wait", "sent": "good", "failed": "warn", "dead": "bad"}


def review_page(request: HttpRequest, event: Event, *, may_change: bool) -> dict[str, Any]:
    """Return the context of `events/review.html`, with a fixed number of bounded queries."""
    is_unlimited = sees_all(request.user)
    timeline = timeline_of(event)
    zone = event.camera.zone
    visible = only_visible(Event.objects.all(), request.user)
    judgements = list(event.judgements.order_by("-id"))
    return {
        "title": f"Event {event.pk}",
        "is_fullwidth": "1",
        "event": event,
        "tone": TONES[event.risk_level],
        "level": LABELS[event.risk_level] if event.risk_level else NO_LEVEL[event.analysis],
        "source": SOURCES[event.risk_source],
        "scores_disagree": disagree(event.rule_score, event.model_score),
        "verdict": words()["verdicts"][verdict_key(event)],
        "began": event.started_at.astimezone(zone),
        "ended": event.ended_at.astimezone(zone),
        "lasted": (event.ended_at - event.started_at).total_seconds(),
        "zone": zone.key,
        "timeline": timeline,
        "tracks": tracks_of(event),
        "frame": selected_frame(request, timeline),
        "judgement": judgements[0] if judgements else None,
        "earlier": judgements[1:],
        "alerts": alerts_of(event, request.user),
        "feedback": event.feedback.order_by("-created_at", "-id")[:SHOWN],
        "mine": event.feedback.filter(by=request.user.get_username()).first(),
        "feedback_choices": FeedbackVerdict.choices,
        "audit": AuditEntry.objects.filter(object=f"event {event.pk}").order_by("-created_at", "-id")[:SHOWN]
        if is_unlimited
        else (),
        "sees_all": is_unlimited,
        "may_change": may_change,
        "waits": event.analysis == Event.Analysis.PENDING,
        "nearby": [(entry, time_apart(entry["seconds_apart"])) for entry in nearby(event, request.user)],
        "older": older(visible, event),
        "newer": newer(visible, event),
    }


def selected_frame(request: HttpRequest, timeline: Timeline) -> Any:
    """Return the requested frame, else the best one."""
    text = request.GET.get("frame", "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else timeline.best
    return timeline.frames[min(number, len(timeline.frames) - 1)] if timeline.frames else None


def tracks_of(event: Event) -> list[dict[str, str]]:
    """Return what each object of the event did, in words."""
    zones = dict(event.camera.zones.values_list("pk", "name"))
    return [
        {
            "name": name_of(track.label, track.number),
            "colour": colour_of_track(track.number),
            "did": ", ".join(parts(stored_movement(track), zones)) or "seen once",
        }
        for track in event.tracks.order_by("number")[:SHOWN]
    ]


def alerts_of(event: Event, user: Person) -> list[dict[str, Any]]:
    """Return the alerts of an event with the rules and deliveries that the user may see."""
    sees_rules, sees_deliveries = (policy.may(user, "view", model) for model in (AlertRule, Delivery))
    alerts = list(Alert.objects.filter(event=event).select_related("rule").order_by("id"))
    sent: dict[int, list[dict[str, Any]]] = {}
    rows = Delivery.objects.filter(alert__event=event).select_related("channel").order_by("id")
    for row in rows[:SHOWN] if sees_deliveries else ():
        sent.setdefault(row.alert_id, []).append(delivery_row(row))
    return [
        {
            "row": alert,
            "rule": rule_name(alert) if sees_rules else "",
            "tone": ALERT_TONES[alert.status],
            "level_tone": TONES[alert.severity],
            "deliveries": sent.get(alert.pk, []),
        }
        for alert in alerts
    ]


def time_apart(seconds: float) -> str:
    """Describe the time between the start of the event and a detection."""
    return f"{abs(seconds):.0f} s {'before' if seconds < 0 else 'after'} it began"


def rule_name(alert: Alert) -> str:
    return alert.rule.name if alert.rule else "a rule that was deleted"


def delivery_row(row: Delivery) -> dict[str, Any]:
    return {
        "row": row,
        "tone": DELIVERY_TONES[row.state],
        "at": row.sent_at or row.next_attempt_at,
        "is_due": bool(row.next_attempt_at and row.next_attempt_at <= timezone.now()),
    }


def older(events: QuerySet[Event], event: Event) -> Event | None:
    """Return the next older of `events`."""
    return _next(events, event, "started_at")


def newer(events: QuerySet[Event], event: Event) -> Event | None:
    """Return the next newer of `events`."""
    return _next(events, event, "-started_at")


def _next(events: QuerySet[Event], event: Event, keyset: str) -> Event | None:
    following = events.filter(beyond(keyset, event.started_at.isoformat(), event.pk))
    return following.order_by(*order(keyset)).only("pk").first()
