"""The admin of detections and batches, which only the detection loop writes."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString

from detection.models import Batch, Detection, Scene, StaticObject
from hsi.admin.base import SEARCHED_ROWS, MachineAdmin, VisibleChoices, about, badge, thumbnail
from hsi.http.url_prefix import link


@admin.register(Detection)
class DetectionAdmin(MachineAdmin):
    list_display = (
        "picture", "id", "label", "sure", "camera", "captured_at", "frame_offset", "ignored", "batch_id", "upload_id",
    )  # fmt: skip
    list_display_links = ("id", "label")
    list_filter = (("camera", VisibleChoices), "ignored", "captured_at")
    list_select_related = ("camera",)
    newest_fields = ("label",)
    number_fields = ("batch", "upload")
    search_help_text = f"The number of a batch or an upload, or a label in the newest {SEARCHED_ROWS:,}."
    ordering = ("-captured_at", "-id")
    sortable_by = ("id", "captured_at")
    fields = (
        "large_picture", "label", "sure", "camera", "upload", "batch", "ignored", "captured_at", "frame_offset",
        "x", "y", "width", "height",
    )  # fmt: skip
    readonly_fields = ("large_picture", "sure")

    @admin.display(description="picture")
    def picture(self, detection: Detection) -> SafeString:
        return thumbnail(link(f"/api/detections/{detection.pk}/thumbnail"))

    @admin.display(description="picture")
    def large_picture(self, detection: Detection) -> SafeString:
        return thumbnail(link(f"/api/detections/{detection.pk}/thumbnail"), large=True)

    @admin.display(description="confidence", ordering="confidence")
    def sure(self, detection: Detection) -> str:
        return f"{detection.confidence:.0%}"


@admin.register(Batch)
class BatchAdmin(MachineAdmin):
    list_display = (
        "id", "camera", "batch_state", "detection_count", "upload_count", "started_at", "ended_at", "due_at",
        "is_fast_path", "is_backfill",
    )  # fmt: skip
    list_filter = ("state", "is_fast_path", "is_backfill", ("camera", VisibleChoices))
    list_select_related = ("camera",)
    number_fields = ("pk",)
    ordering = ("-id",)
    sortable_by = ("id",)
    fields = (
        "camera", "batch_state", "detection_count", "upload_count", "started_at", "ended_at", "opened_at", "due_at",
        "closed_at", "finished_at", "is_fast_path", "is_backfill", "story",
    )  # fmt: skip
    readonly_fields = ("batch_state", "story")
    tones = {"open": "wait", "closed": "wait", "analysed": "good", "dead": "bad", "unsure": "calm"}

    @admin.display(description="state", ordering="state")
    def batch_state(self, batch: Batch) -> SafeString:
        return badge(batch.get_state_display(), self.tones[batch.state])

    @admin.display(description="log and audit")
    def story(self, batch: Batch) -> SafeString:
        return about("batch", batch.pk)


@admin.register(StaticObject)
class StaticObjectAdmin(MachineAdmin):
    """What cameras remember. The page of a camera offers to forget it."""

    list_display = ("id", "label", "camera", "since", "last_seen_at", "sightings", "remembered_at")
    list_filter = (("camera", VisibleChoices),)
    list_select_related = ("camera",)
    number_fields = ("pk",)
    ordering = ("-id",)
    sortable_by = ("id",)


@admin.register(Scene)
class SceneAdmin(MachineAdmin):
    list_display = ("camera", "pictures", "last_picture_at")
    list_filter = (("camera", VisibleChoices),)
    list_select_related = ("camera",)
    ordering = ("pk",)
    sortable_by = ()
