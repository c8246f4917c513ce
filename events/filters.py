"""The filters of events, and other parameters of their lists."""

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
    """Include events without a level, which may turn out to be severe."""
    levels = Event.Level.values
    return events.filter(Q(risk_level__in=levels[levels.index(level) :]) | Q(risk_level=None))


class Conditions(django_filters.FilterSet):  # type: ignore[misc]
    """The filters that select events. `after` is inclusive, `before` is not."""

    camera = django_filters.CharFilter(field_name="camera_id", max_length=64, help_text="Id of the camera.")
    risk_level = django_filters.ChoiceFilter(choices=Event.Level.choices, help_text="Risk level.")
    at_least = django_filters.ChoiceFilter(
        choices=Event.Level.choices, method=at_least, help_text="Minimum risk level. Includes events without a level."
    )
    min_risk = WholeNumberFilter(
        field_name="risk_score", lookup_expr="gte", min_value=0, max_value=100, help_text="Minimum risk score."
    )
    label = django_filters.CharFilter(method=with_label, max_length=64, help_text="Exact label of a detection.")
    reviewed = YesNoFilter(field_name="reviewed", help_text="Whether the event was reviewed.")
    after = TimeFilter(field_name="started_at", lookup_expr="gte", help_text="Started at or after this time.")
    before = TimeFilter(field_name="started_at", lookup_expr="lt", help_text="Started before this time.")
    q = django_filters.CharFilter(
        method=with_words, max_length=search.LONGEST_QUERY,
        help_text="Search words; \"a phrase\", prefix*, -excluded.",
    )  # fmt: skip


class EventFilters(Conditions):
    order = django_filters.ChoiceFilter(choices=[("newest", "newest"), ("rank", "rank")], method=as_they_are)


class TimelineFilters(Conditions):
    bucket = django_filters.ChoiceFilter(choices=[(name, name) for name in BUCKETS], method=as_they_are)
    timezone = django_filters.CharFilter(method=as_they_are, max_length=64, validators=[validate_time_zone])


class ExportFilters(FileFilters, Conditions):
    pass
