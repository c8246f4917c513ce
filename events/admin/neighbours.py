"""The events before and after one, among those that somebody sees: newest first, as in lists."""

from __future__ import annotations

from django.db.models import QuerySet

from events.models import Event
from hsi.api.pagination import beyond, order


def older(among: QuerySet[Event], event: Event) -> Event | None:
    return _next(among, event, "started_at")


def newer(among: QuerySet[Event], event: Event) -> Event | None:
    return _next(among, event, "-started_at")


def _next(among: QuerySet[Event], event: Event, keyset: str) -> Event | None:
    past = beyond(keyset, event.started_at.isoformat(), event.pk)
    return among.filter(past).order_by(*order(keyset)).only("pk").first()
