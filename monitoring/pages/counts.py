"""Numbers of waiting rows, shown in the navigation."""

from __future__ import annotations

from typing import Any

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse

from events.models import Alert, Event
from monitoring.metrics.backlog import waiting
from monitoring.pages.page import OperationsPage

KEPT_SECONDS = 10
KEY = "admin-counts"
MOST = 999  # larger numbers are shown as "999+"


class Counts(OperationsPage):
    """Return `{kind: text}`. Visible pages of the admin poll it."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return JsonResponse(counts())


def counts() -> dict[str, str]:
    """Return texts by kind, without zeros. They are at most ten seconds old."""
    numbers: dict[str, str] | None = cache.get(KEY)
    if numbers is None:
        numbers = {name: words for name, words in _counted().items() if words}
        cache.set(KEY, numbers, KEPT_SECONDS)
    return numbers


def _counted() -> dict[str, str]:
    waits = waiting()
    unreviewed = Event.objects.filter(reviewed=False).order_by()[: MOST + 1].count()
    alerts = Alert.objects.open().order_by()[: MOST + 1].count()
    numbers = {name: waits[name] for name in ("uploads", "dead_letters")} | {"unreviewed": unreviewed, "alerts": alerts}
    return {name: short(number) for name, number in numbers.items()}


def short(number: int) -> str:
    return f"{MOST}+" if number > MOST else str(number or "")
