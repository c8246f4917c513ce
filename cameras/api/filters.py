"""What a list of uploads can be narrowed to. `after` is inclusive, `before` is not: neighbours do not overlap."""

from __future__ import annotations

import django_filters

from cameras.models import Upload
from hsi.api.filters import TimeFilter


class UploadFilters(django_filters.FilterSet):  # type: ignore[misc]
    camera = django_filters.CharFilter(field_name="camera_id", max_length=64, help_text="Id of the camera.")
    state = django_filters.ChoiceFilter(choices=Upload.State.choices, help_text="State of the upload.")
    after = TimeFilter(field_name="captured_at", lookup_expr="gte", help_text="Captured at or after this time.")
    before = TimeFilter(field_name="captured_at", lookup_expr="lt", help_text="Captured before this time.")
