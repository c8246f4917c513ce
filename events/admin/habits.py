"""Habits in the admin. The page of a camera offers to clear them."""

from __future__ import annotations

from django.contrib import admin

from events.models import Habit
from hsi.admin.base import MachineAdmin, VisibleChoices


@admin.register(Habit)
class HabitAdmin(MachineAdmin):
    list_display = ("id", "camera", "zone_kind", "label_group", "day", "hour", "event_id")
    list_filter = (("camera", VisibleChoices), "label_group", "day")
    list_select_related = ("camera",)
    number_fields = ("pk", "event_id")
    ordering = ("-id",)
    sortable_by = ("id",)
