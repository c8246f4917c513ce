"""What events can be narrowed to, and what else their lists take."""

from __future__ import annotations

import django_filters
from django.db.models import Q, QuerySet

from cameras.models import validate_time_zone
from events import search
from events.models import Event
from events.timeline import BUCKETS
from hsi.api.export import FileFilters
from hsi.api.filters import TimeFilter, WholeNumberFilter, YesNoFilter, as_they_are


def with_label(events: QuerySet[Event], name: str, label: str) -> QuerySet[Event]:
    return search.with_label(events, label)


def with_words(events: QuerySet[Event], name: str, text: str) -> QuerySet[Event]:
    return search.matching(events, search.parse(text))


def at_least(events: QuerySet[Event], name: str, level: str) -> QuerySet[Event]:
    """Also what has no level yet: it could be anything."""
    levels = Event.Level.values
    return events.filter(Q(risk_level__in=levels[levels.index(level) :]) | Q(risk_level=None))


class Conditions(django_filters.FilterSet):  # type: ignore[misc]
    """Which events. `after` is inclusive, `before` is not."""

    camera = django_filters.CharFilter(field_name="camera_id", max_length=64, help_text="Of the camera with this id.")
    risk_level = django_filters.ChoiceFilter(choices=Event.Level.choices, help_text="Of this level.")
    at_least = django_filters.ChoiceFilter(
        choices=Event.Level.choices, method=at_least, help_text="Of this level or above, and what has none yet."
    )
    min_risk = WholeNumberFilter(
        field_name="risk_score", lookup_expr="gte", min_value=0, max_value=100, help_text="At least this score."
    )
    label = django_filters.CharFilter(method=with_label, max_length=64, help_text="Something of this label was seen.")
    reviewed = YesNoFilter(field_name="reviewed", help_text="Whether a person has looked at it.")
    after = TimeFilter(field_name="started_at", lookup_expr="gte", help_text="From this started_at on.")
    before = TimeFilter(field_name="started_at", lookup_expr="lt", help_text="Before this started_at.")
    q = django_filters.CharFilter(
        method=with_words, max_length=search.LONGEST_QUERY,
        help_text="With these words; \"a phrase\", the begin* of a word, -without.",
    )  # fmt: skip


class EventFilters(Conditions):
    order = django_filters.ChoiceFilter(choices=[("newest", "newest"), ("rank", "rank")], method=as_they_are)


class TimelineFilters(Conditions):
    bucket = django_filters.ChoiceFilter(choices=[(name, name) for name in BUCKETS], method=as_they_are)
    timezone = django_filters.CharFilter(method=as_they_are, max_length=64, validators=[validate_time_zone])


class ExportFilters(FileFilters, Conditions):
    pass
