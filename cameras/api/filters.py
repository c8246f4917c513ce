"""What a list of uploads can be narrowed to. `after` is inclusive, `before` is not: neighbours do not overlap."""

from __future__ import annotations

import django_filters

from cameras.models import Upload
from hsi.api.filters import TimeFilter


class UploadFilters(django_filters.FilterSet):  # type: ignore[misc]
    camera = django_filters.CharFilter(field_name="camera_id", max_length=64, help_text="Of the camera with this id.")
    state = django_filters.ChoiceFilter(choices=Upload.State.choices, help_text="In this state.")
    after = TimeFilter(field_name="captured_at", lookup_expr="gte", help_text="From this captured_at on.")
    before = TimeFilter(field_name="captured_at", lookup_expr="lt", help_text="Before this captured_at.")
