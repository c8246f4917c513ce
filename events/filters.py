"""What a list of events can be narrowed to. `after` is inclusive, `before` is not."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Exists, OuterRef, QuerySet

from detection.models import Detection
from events.models import Event
from hsi.filters import TimeFilter, WholeNumberFilter, YesNoFilter


class EventFilters(django_filters.FilterSet):  # type: ignore[misc]
    camera = django_filters.CharFilter(field_name="camera_id", max_length=64, help_text="A camera's id.")
    risk_level = django_filters.ChoiceFilter(choices=Event.Level.choices, help_text="Of this level.")
    min_risk = WholeNumberFilter(
        field_name="risk_score", lookup_expr="gte", min_value=0, max_value=100, help_text="At least this score."
    )
    label = django_filters.CharFilter(method="with_label", max_length=64, help_text="Something of this label was seen.")
    reviewed = YesNoFilter(field_name="reviewed", help_text="Whether a person has looked at it.")
    after = TimeFilter(field_name="started_at", lookup_expr="gte", help_text="From this started_at on.")
    before = TimeFilter(field_name="started_at", lookup_expr="lt", help_text="Before this started_at.")

    def with_label(self, events: QuerySet[Event], name: str, label: str) -> QuerySet[Event]:
        # By the detections' index: asking inside of a JSON list is different on every database.
        seen: Any = Detection.objects.filter(batch=OuterRef("batch"), label=label)
        return events.filter(Exists(seen))
