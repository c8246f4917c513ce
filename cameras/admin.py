"""Admin pages of cameras, grants, uploads, zones and intake problems."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cameras.intake import retry
from cameras.labels import LabelsField, SharesField
from cameras.models import Camera, CameraGrant, Garbage, IntakeProblem, Upload, Zone
from hsi.admin.base import (
    SEARCHED_ROWS,
    HSIAdmin,
    Inline,
    MachineAdmin,
    VisibleChoices,
    about,
    badge,
    local_time,
    shortened,
    thumbnail,
)
from hsi.errors import HSIError
from hsi.http.url_prefix import link
from hsi.policies import System
from hsi.security import policy

if TYPE_CHECKING:  # the library is untyped
    from django.contrib.admin.views.main import ChangeList
else:
    from unfold.views import ChangeList


class CameraGrantInline(Inline):
    model = CameraGrant
    autocomplete_fields = ("user", "group")
    verbose_name = "viewer"
    verbose_name_plural = "viewers (administrators see every camera)"


class CameraChangeList(ChangeList):
    """Links each camera to its page, which shows its status and leads to its form. Only for administrators."""

    def url_for_result(self, result: Model) -> str:
        return reverse("admin:camera", args=[result.pk])


class CameraForm(forms.ModelForm):  # type: ignore[type-arg]
    labels = LabelsField(required=False, help_text=Camera._meta.get_field("labels").help_text)
    thresholds = SharesField(required=False, help_text=Camera._meta.get_field("thresholds").help_text)
    min_sizes = SharesField(required=False, help_text=Camera._meta.get_field("min_sizes").help_text)
    max_sizes = SharesField(required=False, help_text=Camera._meta.get_field("max_sizes").help_text)


@admin.register(Camera)
class CameraAdmin(HSIAdmin):
    list_display = ("picture", "name", "id", "folder", "camera_state", "last_picture", "time_zone")
    list_display_links = ("name",)
    list_filter = ("enabled",)
    search_fields = ("name", "id", "folder")
    ordering = ("name", "id")
    fields = (
        "name", "id", "folder", "time_zone", "clock_correction_seconds", "channel_pattern", "vendor",
        "expected_interval_seconds", "place", "labels", "thresholds", "min_sizes", "max_sizes", "enabled",
        "offline_since", "last_picture", "created_at", "large_picture",
    )  # fmt: skip
    form = CameraForm
    readonly_fields = ("id", "folder", "offline_since", "last_picture", "created_at", "large_picture")
    inlines = (CameraGrantInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Camera]:
        cameras: Any = super().get_queryset(request)
        queryset: QuerySet[Camera] = cameras.with_last_upload()
        return queryset

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return (
            CameraChangeList if policy.may(request.user, "view", System) else super().get_changelist(request, **kwargs)
        )

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Redirect to the set-up steps, which also create the folder."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(reverse("admin:new_camera"))

    def get_actions(self, request: HttpRequest) -> Any:
        return {}

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow it only for a camera without uploads, because its files and events would become invisible."""
        if obj is not None and obj.uploads.exists():
            return False
        return super().has_delete_permission(request, obj)

    @admin.display(description="picture")
    def picture(self, camera: Camera) -> SafeString | str:
        return thumbnail(link(f"/api/cameras/{camera.pk}/snapshot")) if last_captured_at(camera) else "-"

    @admin.display(description="picture")
    def large_picture(self, camera: Camera) -> SafeString | str:
        sent = last_captured_at(camera)
        return thumbnail(link(f"/api/cameras/{camera.pk}/snapshot"), large=True) if sent else "never sent one"

    @admin.display(description="last picture", ordering="last_captured_at")
    def last_picture(self, camera: Camera) -> str:
        sent = last_captured_at(camera)
        return local_time(sent) if sent else "never"

    @admin.display(description="state", ordering="enabled")
    def camera_state(self, camera: Camera) -> SafeString:
        if not camera.enabled:
            return badge("paused", "warn")
        if camera.offline_since:
            return badge("offline", "bad")
        if camera.view != Camera.View.OK:
            return badge(camera.get_view_display(), "bad")
        return badge("on", "good")


@admin.register(CameraGrant)
class CameraGrantAdmin(HSIAdmin):
    """The grants of all cameras."""

    list_display = ("camera", "user", "group")
    list_display_links = ("camera", "user", "group")
    list_select_related = ("camera", "user", "group")
    search_fields = ("=camera__id", "camera__name", "=user__username", "=group__name")
    search_help_text = "Camera, user or group."
    autocomplete_fields = ("camera", "user", "group")
    ordering = ("camera", "id")
    sortable_by = ()


def last_captured_at(camera: Camera) -> datetime | None:
    return getattr(camera, "last_captured_at", None)


@admin.register(Upload)
class UploadAdmin(MachineAdmin):
    list_display = (
        "picture",
        "id",
        "camera",
        "path_text",
        "upload_state",
        "short_reason",
        "captured_at",
        "received_at",
        "bytes",
    )
    list_display_links = ("id",)
    list_filter = ("state", "kind", ("camera", VisibleChoices), "captured_at")
    list_select_related = ("camera",)
    newest_fields = ("path__icontains", "reason__icontains", "sha256")
    number_fields = ("pk",)
    search_help_text = f"A number, or part of a path, reason or SHA-256 of the newest {SEARCHED_ROWS:,} uploads."
    ordering = ("-captured_at", "-id")
    sortable_by = ("id", "captured_at")
    actions: Any = ("try_again",)
    fields = (
        "camera", "path", "kind", "upload_state", "reason", "large_picture", "bytes", "width", "height",
        "duration_seconds", "captured_at", "captured_at_source", "clock_skew", "received_at", "finished_at", "attempts",
        "detector", "sha256", "original", "quarantine", "log_links",
    )  # fmt: skip
    readonly_fields = ("upload_state", "large_picture", "bytes", "original", "log_links")
    tones = {
        "waiting": "wait", "detected": "good", "empty": "calm", "duplicate": "calm", "rejected": "bad", "dead": "bad",
    }  # fmt: skip

    @admin.action(description="Retry rejected and failed uploads", permissions=["act"])
    def try_again(self, request: HttpRequest, uploads: QuerySet[Upload]) -> None:
        """Retry each upload separately, so that a failure does not affect the others."""
        tried, still_rejected = 0, 0
        for upload in uploads.filter(state__in=(Upload.State.REJECTED, Upload.State.DEAD)).order_by("pk"):
            try:
                tried += retry.retry_upload(upload)
            except HSIError:
                still_rejected += 1
        text = f"{tried} wait again" + (f", {still_rejected} still cannot be used" if still_rejected else "") + "."
        self.message_user(request, text, messages.WARNING if still_rejected or not tried else messages.SUCCESS)

    @admin.display(description="picture")
    def picture(self, upload: Upload) -> SafeString | str:
        return "-" if upload.state == Upload.State.REJECTED else thumbnail(link(f"/api/uploads/{upload.pk}/thumbnail"))

    @admin.display(description="picture")
    def large_picture(self, upload: Upload) -> SafeString | str:
        is_rejected = upload.state == Upload.State.REJECTED
        return (
            "a rejected file is not shown"
            if is_rejected
            else thumbnail(link(f"/api/uploads/{upload.pk}/thumbnail"), large=True)
        )

    @admin.display(description="path", ordering="path")
    def path_text(self, upload: Upload) -> str:
        return shortened(upload.path, 80)

    @admin.display(description="state", ordering="state")
    def upload_state(self, upload: Upload) -> SafeString:
        return badge(upload.get_state_display(), self.tones[upload.state])

    @admin.display(description="reason")
    def short_reason(self, upload: Upload) -> str:
        return shortened(upload.reason, 80)

    @admin.display(description="size", ordering="size")
    def bytes(self, upload: Upload) -> str:
        return filesizeformat(upload.size)

    @admin.display(description="log and audit")
    def log_links(self, upload: Upload) -> SafeString:
        return about("upload", upload.pk)

    @admin.display(description="duplicate of")
    def original(self, upload: Upload) -> str:
        return f"upload {upload.duplicate_of_id}" if upload.duplicate_of_id else "-"


@admin.register(Garbage)
class GarbageAdmin(MachineAdmin):
    list_display = ("id", "root", "path_text", "size", "attempts", "due_at", "created_at")
    number_fields = ("pk",)
    newest_fields = ("path__icontains",)
    ordering = ("-id",)
    sortable_by = ("id", "due_at")

    @admin.display(description="path")
    def path_text(self, garbage: Garbage) -> str:
        return shortened(garbage.path, 80)


@admin.register(IntakeProblem)
class IntakeProblemAdmin(MachineAdmin):
    """The files and folders that the watcher cannot accept."""

    list_display = ("id", "folder_text", "kind", "count", "example", "detail", "since")
    list_filter = ("kind",)
    number_fields = ("pk",)
    newest_fields = ("folder__icontains", "example__icontains")
    ordering = ("-id",)
    sortable_by = ("id",)

    @admin.display(description="folder")
    def folder_text(self, problem: IntakeProblem) -> str:
        return shortened(problem.folder or "all folders", 80)


@admin.register(Zone)
class ZoneAdmin(MachineAdmin):
    """Read-only list. Zones are drawn on the camera's picture or sent to the API, which check their polygons."""

    list_display = ("name", "id", "camera", "kind", "enabled", "draw")
    list_select_related = ("camera",)
    list_filter = (("camera", VisibleChoices), "enabled")
    search_fields = ("name", "id")
    ordering = ("camera", "name", "id")
    sortable_by = ()

    @admin.display(description="draw")
    def draw(self, zone: Zone) -> SafeString:
        return format_html('<a href="{}">Draw</a>', reverse("admin:camera_zones", args=[zone.camera_id]))
