"""Cameras, who may see them, and what became of every file they sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.safestring import SafeString

from cameras.access import visible_cameras
from cameras.admin_visible import CameraFilter, VisibleMachineRows
from cameras.models import Camera, CameraGrant, Garbage, Upload, Zone
from hsi.admin_base import HSIAdmin, SuperuserOnlyAdmin, badge, local_time, shortened, thumbnail


class CameraGrantInline(admin.TabularInline):  # type: ignore[type-arg]  # not subscriptable at run time
    model = CameraGrant
    autocomplete_fields = ("user", "group")
    extra = 0
    verbose_name = "viewer"
    verbose_name_plural = "who may see this camera (administrators always may)"


@admin.register(Camera)
class CameraAdmin(HSIAdmin):
    list_display = ("picture", "name", "id", "folder", "camera_state", "last_picture", "time_zone")
    list_display_links = ("name",)
    list_filter = ("enabled",)
    search_fields = ("name", "id", "folder")
    ordering = ("name", "id")
    fields = ("name", "id", "folder", "time_zone", "enabled", "last_picture", "created_at", "large_picture")
    prepopulated_fields = {"id": ("name",)}
    inlines = (CameraGrantInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Camera]:
        return visible_cameras(request.user).with_last_upload().order_by(*self.ordering)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        made = ("last_picture", "created_at", "large_picture")
        # Id and folder tie the camera to its files; other ones would be another camera.
        return (*made, "id", "folder") if obj else made

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Sequence[str]]:
        return {} if obj else {"id": ("name",)}

    def get_actions(self, request: HttpRequest) -> Any:
        return {}

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only a camera that never sent a file: with any other, its files and events would go unseen."""
        if obj is not None and obj.uploads.exists():
            return False
        return super().has_delete_permission(request, obj)

    @admin.display(description="picture")
    def picture(self, camera: Camera) -> SafeString | str:
        return thumbnail(f"/api/cameras/{camera.pk}/snapshot") if last_captured_at(camera) else "-"

    @admin.display(description="picture")
    def large_picture(self, camera: Camera) -> SafeString | str:
        sent = last_captured_at(camera)
        return thumbnail(f"/api/cameras/{camera.pk}/snapshot", large=True) if sent else "has never sent one"

    @admin.display(description="last picture", ordering="last_captured_at")
    def last_picture(self, camera: Camera) -> str:
        sent = last_captured_at(camera)
        return local_time(sent) if sent else "never"

    @admin.display(description="state", ordering="enabled")
    def camera_state(self, camera: Camera) -> SafeString:
        return badge("on", "good") if camera.enabled else badge("paused", "warn")


def last_captured_at(camera: Camera) -> datetime | None:
    return getattr(camera, "last_captured_at", None)


@admin.register(Upload)
class UploadAdmin(VisibleMachineRows):
    list_display = (
        "picture",
        "id",
        "camera",
        "path_text",
        "upload_state",
        "why",
        "captured_at",
        "received_at",
        "bytes",
    )
    list_display_links = ("id",)
    list_filter = ("state", "kind", ("camera", CameraFilter), "captured_at")
    list_select_related = ("camera",)
    search_fields = ("=id", "path", "reason", "=sha256")
    ordering = ("-captured_at", "-id")
    sortable_by = ("id", "captured_at")
    fields = (
        "camera", "path", "kind", "upload_state", "reason", "large_picture", "bytes", "width", "height",
        "duration_seconds", "captured_at", "captured_at_source", "clock_skew", "received_at", "finished_at", "attempts",
        "detector", "sha256", "original", "quarantine",
    )  # fmt: skip
    readonly_fields = ("upload_state", "large_picture", "bytes", "original")
    tones = {
        "waiting": "wait", "detected": "good", "empty": "calm", "duplicate": "calm", "rejected": "bad", "dead": "bad",
    }  # fmt: skip

    @admin.display(description="picture")
    def picture(self, upload: Upload) -> SafeString | str:
        return "-" if upload.state == Upload.State.REJECTED else thumbnail(f"/api/uploads/{upload.pk}/thumbnail")

    @admin.display(description="picture")
    def large_picture(self, upload: Upload) -> SafeString | str:
        refused = upload.state == Upload.State.REJECTED
        return (
            "a refused file is not shown" if refused else thumbnail(f"/api/uploads/{upload.pk}/thumbnail", large=True)
        )

    @admin.display(description="path", ordering="path")
    def path_text(self, upload: Upload) -> str:
        return shortened(upload.path, 80)

    @admin.display(description="state", ordering="state")
    def upload_state(self, upload: Upload) -> SafeString:
        return badge(upload.get_state_display(), self.tones[upload.state])

    @admin.display(description="reason")
    def why(self, upload: Upload) -> str:
        return shortened(upload.reason, 80)

    @admin.display(description="size", ordering="size")
    def bytes(self, upload: Upload) -> str:
        return filesizeformat(upload.size)

    @admin.display(description="duplicate of")
    def original(self, upload: Upload) -> str:
        return f"upload {upload.duplicate_of_id}" if upload.duplicate_of_id else "-"


@admin.register(Garbage)
class GarbageAdmin(SuperuserOnlyAdmin):
    list_display = ("id", "root", "path_text", "size", "attempts", "due_at", "created_at")
    search_fields = ("=id", "path")
    ordering = ("-id",)
    sortable_by = ("id", "due_at")

    @admin.display(description="path")
    def path_text(self, garbage: Garbage) -> str:
        return shortened(garbage.path, 80)


@admin.register(Zone)
class ZoneAdmin(VisibleMachineRows):
    """To be looked at: they are drawn over the API, which checks their polygons."""

    list_display = ("name", "id", "camera", "kind", "enabled")
    list_select_related = ("camera",)
    list_filter = (("camera", CameraFilter), "enabled")
    search_fields = ("name", "id")
    ordering = ("camera", "name", "id")
    sortable_by = ()
