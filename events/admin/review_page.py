"""What the page of an event shows. What may tell of other cameras is for those who see them all."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from cameras.access import only_visible, sees_all
from events.labels import NO_LEVEL, verdict_key, words
from events.media.filmstrip import Film, film_of
from events.models import Alert, AlertRule, Delivery, Event, EventFeedback
from events.nearby import nearby
from events.severity import LABELS, TONES
from hsi.api.pagination import beyond, order
from hsi.models import AuditEntry
from hsi.security import policy
from hsi.security.roles import Person

SHOWN = 30
SOURCES = {"llm": "language model", "rules": "rules", None: "not judged"}
ALERT_TONES = {"open": "bad", "acknowledged": "good", "dismissed": "calm"}
DELIVERY_TONES = {"pending": "wait", "sent": "good", "failed": "warn", "dead": "bad"}


def review_page(request: HttpRequest, event: Event, *, may_change: bool) -> dict[str, Any]:
    """The context of `events/review.html`; a fixed number of queries, each bounded."""
    everything = sees_all(request.user)
    film = film_of(event)
    zone = event.camera.zone
    seen = only_visible(Event.objects.all(), request.user)
    judgements = list(event.judgements.order_by("-id"))
    return {
        "title": f"Event {event.pk}",
        "is_fullwidth": "1",
        "event": event,
        "tone": TONES[event.risk_level],
        "level": LABELS[event.risk_level] if event.risk_level else NO_LEVEL[event.analysis],
        "source": SOURCES[event.risk_source],
        "verdict": words()["verdicts"][verdict_key(event)],
        "began": event.started_at.astimezone(zone),
        "ended": event.ended_at.astimezone(zone),
        "lasted": (event.ended_at - event.started_at).total_seconds(),
        "zone": zone.key,
        "film": film,
        "frame": chosen(request, film),
        "judgement": judgements[0] if judgements else None,
        "earlier": judgements[1:],
        "alerts": told(event, request.user),
        "feedback": event.feedback.order_by("-at", "-id")[:SHOWN],
        "mine": event.feedback.filter(by=request.user.get_username()).first(),
        "verdicts": EventFeedback.Verdict.choices,
        "audit": AuditEntry.objects.filter(object=f"event {event.pk}").order_by("-time", "-id")[:SHOWN]
        if everything
        else (),
        "sees_all": everything,
        "may_change": may_change,
        "waits": event.analysis == Event.Analysis.PENDING,
        "nearby": [(one, apart(one["seconds_apart"])) for one in nearby(event, request.user)],
        "older": older(seen, event),
        "newer": newer(seen, event),
    }


def chosen(request: HttpRequest, film: Film) -> Any:
    """The frame to begin with: the one that was asked for, else the best."""
    asked = request.GET.get("frame", "")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 4 else film.best
    return film.frames[min(number, len(film.frames) - 1)] if film.frames else None


def told(event: Event, user: Person) -> list[dict[str, Any]]:
    """The alerts of an event, each with its rule and its tellings; to who may see them."""
    rules, deliveries = (policy.may(user, "view", model) for model in (AlertRule, Delivery))
    alerts = list(Alert.objects.filter(event=event).select_related("rule").order_by("id"))
    sent: dict[int, list[dict[str, Any]]] = {}
    rows = Delivery.objects.filter(alert__event=event).select_related("channel").order_by("id")
    for row in rows[:SHOWN] if deliveries else ():
        sent.setdefault(row.alert_id, []).append(delivery(row))
    return [
        {
            "row": alert,
            "rule": rule_of(alert) if rules else "",
            "tone": ALERT_TONES[alert.status],
            "level_tone": TONES[alert.severity],
            "deliveries": sent.get(alert.pk, []),
        }
        for alert in alerts
    ]


def apart(seconds: float) -> str:
    """How long after the event began something was seen, or before it."""
    return f"{abs(seconds):.0f} s {'before' if seconds < 0 else 'after'} it began"


def rule_of(alert: Alert) -> str:
    return alert.rule.name if alert.rule else "a rule that was deleted"


def delivery(row: Delivery) -> dict[str, Any]:
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
