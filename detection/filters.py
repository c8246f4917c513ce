"""Filters of the list of detections. `after` is inclusive, `before` is exclusive."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet

from detection.models import Detection
from hsi.api.filters import BIGGEST_ID, FractionFilter, TimeFilter, WholeNumberFilter, YesNoFilter


class DetectionFilters(django_filters.FilterSet):  # type: ignore[misc]
    camera = django_filters.CharFilter(field_name="camera_id", max_length=64, help_text="Id of the camera.")
    label = django_filters.CharFilter(max_length=64, help_text="Exact label.")
    min_confidence = FractionFilter(field_name="confidence", lookup_expr="gte", help_text="Minimum confidence.")
    counts = YesNoFilter(method="filter_counts", help_text="Whether it counts: true or false. Without it: all.")
    after = TimeFilter(field_name="captured_at", lookup_expr="gte", help_text="Captured at or after this time.")
    before = TimeFilter(field_name="captured_at", lookup_expr="lt", help_text="Captured before this time.")
    event = WholeNumberFilter(field_name="batch__event", min_value=0, max_value=BIGGEST_ID)

    def filter_counts(self, detections: QuerySet[Detection], name: str, value: bool) -> QuerySet[Detection]:
        return detections.filter(ignored="") if value else detections.exclude(ignored="")
