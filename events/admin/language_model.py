"""Language model servers and rejected answers in the admin: read-only."""

from __future__ import annotations

from django.contrib import admin

from events.models import LanguageModelServer, RejectedAnswer
from hsi.admin.base import MachineAdmin


@admin.register(LanguageModelServer)
class LanguageModelServerAdmin(MachineAdmin):
    list_display = ("name", "software", "version", "model", "answer_form", "accepts_pictures", "detected_at")
    ordering = ("name",)


@admin.register(RejectedAnswer)
class RejectedAnswerAdmin(MachineAdmin):
    list_display = ("id", "created_at", "kind", "reason", "model", "camera_id")
    list_filter = ("kind",)
    ordering = ("-id",)
