"""Events: judged by the system, reviewed by people."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from cameras.admin_visible import CameraFilter, VisibleRows
from events import admin_alerts, admin_notifications  # noqa: F401 (they register their pages)
from events.models import Event
from events.review import change
from events.words import VERDICTS, verdict_key
from hsi.admin_base import badge, shortened, thumbnail

REVIEW_FIELDS = ("reviewed", "kept", "notes", "snooze_until")


@admin.register(Event)
class EventAdmin(VisibleRows):
    list_display = (
        "picture",
        "id",
        "camera",
        "risk",
        "event_analysis",
        "sentence",
        "started_at",
        "detection_count",
        "reviewed",
    )
    list_display_links = ("id", "sentence")
    list_filter = (
        "reviewed", "risk_level", "risk_source", "analysis", "is_fast_path", ("camera", CameraFilter), "started_at",
    )  # fmt: skip
    list_select_related = ("camera",)
    search_fields = ("=id", "summary", "reasoning")
    ordering = ("-started_at", "-id")
    sortable_by = ("id", "started_at")
    fields = (
        "large_picture", "camera", "risk", "verdict", "summary", "reasoning", "recommended_action", "model", "seen",
        "detection_count", "is_fast_path", "started_at", "ended_at", "created_at", "updated_at", "batch",
        "exported_at", *REVIEW_FIELDS,
    )  # fmt: skip
    readonly_fields = tuple(name for name in fields if name not in REVIEW_FIELDS)
    actions = ("mark_reviewed", "mark_unreviewed", "let_go")
    tones = {"low": "good", "medium": "warn", "high": "bad", "critical": "bad"}
    sources = {"llm": "model", "rules": "rules"}
    analysis_tones = {"pending": "wait", "done": "good", "failed": "bad"}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Event, form: Any, change: bool) -> None:
        """Only what a person may say; the rest may have been judged anew since the form was opened."""
        store({obj.pk: {name: form.cleaned_data[name] for name in form.changed_data}})

    @admin.action(description="Mark as reviewed", permissions=["change"])
    def mark_reviewed(self, request: HttpRequest, queryset: QuerySet[Event]) -> None:
        store({pk: {"reviewed": True} for pk in queryset.values_list("pk", flat=True)})

    @admin.action(description="Mark as not reviewed", permissions=["change"])
    def mark_unreviewed(self, request: HttpRequest, queryset: QuerySet[Event]) -> None:
        store({pk: {"reviewed": False} for pk in queryset.values_list("pk", flat=True)})

    @admin.action(description="Let retention remove them: neither kept nor exported", permissions=["change"])
    def let_go(self, request: HttpRequest, queryset: QuerySet[Event]) -> None:
        store({pk: {"kept": False, "exported_at": None} for pk in queryset.values_list("pk", flat=True)})

    @admin.display(description="picture")
    def picture(self, event: Event) -> SafeString:
        return thumbnail(f"/api/events/{event.pk}/snapshot?boxes=1")

    @admin.display(description="picture")
    def large_picture(self, event: Event) -> SafeString:
        return thumbnail(f"/api/events/{event.pk}/snapshot?boxes=1", large=True)

    @admin.display(description="risk")
    def risk(self, event: Event) -> SafeString:
        """Score and level with their source: there is no number without one."""
        if event.risk_level is None:
            return badge("not judged", "calm")
        source = self.sources[event.risk_source or ""]
        words = f"{event.risk_score} {event.get_risk_level_display()}, by {source}"
        return badge(words, self.tones[event.risk_level])

    @admin.display(description="analysis")
    def event_analysis(self, event: Event) -> SafeString:
        return badge(event.get_analysis_display(), self.analysis_tones[event.analysis])

    @admin.display(description="verdict")
    def verdict(self, event: Event) -> str:
        return VERDICTS[verdict_key(event)]

    @admin.display(description="summary")
    def sentence(self, event: Event) -> str:
        return shortened(event.summary) or "-"

    @admin.display(description="labels")
    def seen(self, event: Event) -> str:
        return ", ".join(event.labels)


def store(values: dict[int, dict[str, Any]]) -> None:
    """Store reviews by event id, and tell them over the stream, in one transaction."""
    with transaction.atomic():
        for event in Event.objects.select_for_update().filter(pk__in=values).order_by("pk"):
            change(event, values[event.pk])
