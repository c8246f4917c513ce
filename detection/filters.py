"""What a list of detections can be narrowed to. `after` is inclusive, `before` is not."""

from __future__ import annotations

import django_filters

from hsi.api.filters import BIGGEST_ID, FractionFilter, TimeFilter, WholeNumberFilter


class DetectionFilters(django_filters.FilterSet):  # type: ignore[misc]
    camera = django_filters.CharFilter(field_name="camera_id", max_length=64, help_text="A camera's id.")
    label = django_filters.CharFilter(max_length=64, help_text="Of this label.")
    min_confidence = FractionFilter(field_name="confidence", lookup_expr="gte", help_text="At least this sure.")
    after = TimeFilter(field_name="captured_at", lookup_expr="gte", help_text="From this captured_at on.")
    before = TimeFilter(field_name="captured_at", lookup_expr="lt", help_text="Before this captured_at.")
    event = WholeNumberFilter(field_name="batch__event", min_value=0, max_value=BIGGEST_ID)
