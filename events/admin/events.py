"""Events in the admin: the list, its filters and actions."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from events import actions, search
from events.admin.review import ReviewAdmin
from events.labels import verdict_key
from events.models import Event, EventFeedback, FeedbackVerdict
from events.severity import TONES
from hsi.admin.base import VisibleChoices, badge, shortened, thumbnail
from hsi.api.filters import BIGGEST_ID
from hsi.http.url_prefix import link

LONGEST_SEARCH = search.LONGEST_QUERY


class SourceFilter(admin.SimpleListFilter):
    title = "score by"
    parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*((value, str(label)) for value, label in Event.Source.choices), ("none", "not analysed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        value = self.value()
        if value in Event.Source.values:
            return queryset.filter(risk_source=value)
        return queryset.filter(risk_source=None) if value == "none" else queryset


class FeedbackFilter(admin.SimpleListFilter):
    title = "feedback"
    parameter_name = "feedback"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, str(label)) for value, label in FeedbackVerdict.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        if (value := self.value()) not in FeedbackVerdict.values:
            return queryset
        return queryset.filter(pk__in=EventFeedback.objects.filter(verdict=value).values("event"))


@admin.register(Event)
class EventAdmin(ReviewAdmin):
    list_display = ("picture", "id", "risk", "score_by", "sentence", "camera", "at", "state")
    list_display_links = ("id", "sentence")
    list_filter = (
        "reviewed", ("camera", VisibleChoices), "risk_level", SourceFilter, "analysis", FeedbackFilter, "started_at",
    )  # fmt: skip
    list_select_related = ("camera",)
    search_fields = ("summary",)  # the search is in `get_search_results`
    search_help_text = "Words of the summary, reasoning, notes, labels or camera, or the number of an event."
    ordering = ("-started_at", "-id")
    sortable_by = ("id", "at")
    actions = ("mark_reviewed", "mark_unreviewed", "release")
    sources = {"llm": "language model", "rules": "rules"}
    # Shown beside the source while the judgement is missing or has failed.
    unfinished = {
        "llm-pending": ("being analysed again", "wait"), "llm-failed": ("another analysis failed", "bad"),
        "rules-pending": ("so far, being analysed", "wait"), "rules-failed": ("analysis failed", "bad"),
        "none-pending": ("being analysed", "wait"), "none-failed": ("analysis failed", "bad"),
    }  # fmt: skip

    class Media:
        css: ClassVar = {"all": ["events/list.css"]}

    def has_add_permission(self, request: HttpRequest, *parent: Any) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Event], search_term: str
    ) -> tuple[QuerySet[Event], bool]:
        """Search in the full-text index, as the API does. A word without a match costs no table scan."""
        text = search_term.strip()[:LONGEST_SEARCH]
        if not text:
            return queryset, False
        if text.isascii() and text.isdigit():
            return queryset.filter(pk=int(text)) if int(text) <= BIGGEST_ID else queryset.none(), False
        return search.matching(queryset, search.parse(text)), False

    def save_model(self, request: HttpRequest, obj: Event, form: Any, change: bool) -> None:
        """Save only the fields of the review: the others may have changed since the form was opened."""
        with transaction.atomic():
            event = Event.objects.select_for_update().get(pk=obj.pk)
            actions.review_event(event, {name: form.cleaned_data[name] for name in form.changed_data})

    @admin.action(description="Mark as reviewed", permissions=["act"])
    def mark_reviewed(self, request: HttpRequest, queryset: QuerySet[Event]) -> None:
        self._review(request, queryset.exclude(reviewed=True), {"reviewed": True})

    @admin.action(description="Mark as not reviewed", permissions=["act"])
    def mark_unreviewed(self, request: HttpRequest, queryset: QuerySet[Event]) -> None:
        self._review(request, queryset.exclude(reviewed=False), {"reviewed": False})

    @admin.action(description="Release for retention: neither kept nor exported", permissions=["act"])
    def release(self, request: HttpRequest, queryset: QuerySet[Event]) -> None:
        held = queryset.filter(Q(kept=True) | Q(exported_at__isnull=False))
        self._review(request, held, {"kept": False, "exported_at": None})

    def _review(self, request: HttpRequest, events: QuerySet[Event], values: dict[str, Any]) -> None:
        self.act_on(request, events, lambda event: actions.review_event(event, values), "changed")

    @admin.display(description="picture")
    def picture(self, event: Event) -> SafeString:
        return thumbnail(link(f"/api/events/{event.pk}/snapshot?boxes=1"))

    @admin.display(description="risk")
    def risk(self, event: Event) -> SafeString:
        """Show score and level, or no number if there is no score."""
        if event.risk_level is None:
            return badge("not analysed", "calm")
        return badge(f"{event.risk_score} {event.get_risk_level_display()}", TONES[event.risk_level])

    @admin.display(description="score by")
    def score_by(self, event: Event) -> SafeString | str:
        source = self.sources.get(event.risk_source or "", "")
        if event.analysis == Event.Analysis.DONE:
            return source
        return format_html("{} {}", source, badge(*self.unfinished[verdict_key(event)]))

    @admin.display(description="summary")
    def sentence(self, event: Event) -> str:
        return shortened(event.summary) or "-"

    @admin.display(description="review")
    def state(self, event: Event) -> SafeString:
        if event.deleted_at:
            return badge("in the trash", "warn")
        return badge("reviewed", "good") if event.reviewed else badge("to review", "wait")

    @admin.display(description="began", ordering="started_at")
    def at(self, event: Event) -> SafeString:
        """Show the local time of the camera."""
        local = event.started_at.astimezone(event.camera.zone)
        text = date_format(local, "j M Y H:i:s")
        return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(), event.camera.zone.key, text)
