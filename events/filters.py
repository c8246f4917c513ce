"""What a list of events can be narrowed to. `after` is inclusive, `before` is not."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Exists, OuterRef, QuerySet

from detection.models import Detection
from events import search
from events.models import Event
from hsi.filters import TimeFilter, WholeNumberFilter, YesNoFilter


class EventFilters(django_filters.FilterSet):  # type: ignore[misc]
    camera = django_filters.CharFilter(field_name="camera_id", max_length=64)
    risk_level = django_filters.ChoiceFilter(choices=Event.Level.choices)
    min_risk = WholeNumberFilter(field_name="risk_score", lookup_expr="gte", min_value=0, max_value=100)
    label = django_filters.CharFilter(method="with_label", max_length=64)
    reviewed = YesNoFilter(field_name="reviewed")
    after = TimeFilter(field_name="started_at", lookup_expr="gte")
    before = TimeFilter(field_name="started_at", lookup_expr="lt")
    q = django_filters.CharFilter(method="with_words", max_length=search.LONGEST_QUERY)

    def with_label(self, events: QuerySet[Event], name: str, label: str) -> QuerySet[Event]:
        # By the detections' index: asking inside of a JSON list is different on every database.
        seen: Any = Detection.objects.filter(batch=OuterRef("batch"), label=label)
        return events.filter(Exists(seen))

    def with_words(self, events: QuerySet[Event], name: str, text: str) -> QuerySet[Event]:
        return search.matching(events, search.parse(text))
