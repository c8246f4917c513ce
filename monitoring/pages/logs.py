"""The log page: search, filters and live tail."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.http import urlencode
from rest_framework.exceptions import ValidationError

from hsi.api.filters import BIGGEST_ID, narrowed
from hsi.api.pagination import after, cursor_of, order
from hsi.times import iso
from monitoring.api.records import LogFilters
from monitoring.models import LogEntry
from monitoring.pages.page import OperationsPage, faults

SHOWN = 100
SEARCHED = timedelta(days=1)
TONES = {10: "calm", 20: "good", 30: "warn", 40: "bad", 50: "bad"}
TAIL = "newer_than"


class Logs(OperationsPage):
    template_name = "monitoring/logs.html"
    title = "Logs"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        asked = self.request.GET.copy()
        wrong, lines = "", LogEntry.objects.none()
        try:
            lines = filtered_lines(asked)
            lines = lines.filter(after(cursor, "created_at", LogEntry)) if (cursor := asked.get("cursor")) else lines
        except ValidationError as error:
            wrong = faults(error)
        page = list(lines.order_by(*order("created_at"))[: SHOWN + 1])
        given: dict[str, str] = self.request.GET.dict()
        given = {name: value for name, value in given.items() if value and name != "cursor"}
        return {
            **super().get_context_data(**kwargs),
            "lines": [(line, TONES.get(line.level, "calm")) for line in page[:SHOWN]],
            "asked": self.request.GET.dict(),
            "wrong": wrong,
            "levels": LogEntry.Level.names,
            "newest": max((line.pk for line in page), default=newest()),
            "follows": not wrong and not asked.get("cursor") and not asked.get("before"),
            "given": urlencode(given),
            "older": urlencode({**given, "cursor": cursor_of(page[SHOWN - 1], "created_at", LogEntry)})
            if len(page) > SHOWN
            else "",
        }


class Tail(OperationsPage):
    """Return `{"newest": id, "lines": HTML}`: the lines after `newer_than`, newest first."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        asked = request.GET.copy()
        since = asked.pop(TAIL, ["0"])[-1]
        seen = int(since) if since.isascii() and since.isdigit() and len(since) < 19 else BIGGEST_ID
        try:
            lines = filtered_lines(asked).filter(pk__gt=seen).order_by("-pk")[:SHOWN]
            toned = [(line, TONES.get(line.level, "calm")) for line in lines]
        except ValidationError as error:
            return JsonResponse({"detail": faults(error)}, status=400)
        html = render_to_string("monitoring/panels/log_lines.html", {"lines": toned})
        return JsonResponse({"newest": max((line.pk for line, _ in toned), default=seen), "lines": html})


class Line(OperationsPage):
    template_name = "monitoring/log_line.html"
    title = "Log line"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        line = get_object_or_404(LogEntry, pk=self.kwargs["pk"])
        return {**super().get_context_data(**kwargs), "line": line, "tone": TONES.get(line.level, "calm")}


def filtered_lines(asked: QueryDict) -> QuerySet[LogEntry]:
    """Return the filtered lines. A text search without `after` covers the last day. Raises ValidationError."""
    if asked.get("q") and not asked.get("after"):
        asked["after"] = iso(timezone.now() - SEARCHED)
    return narrowed(LogEntry.objects.all(), LogFilters, asked, paged=True)


def newest() -> int:
    return LogEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
