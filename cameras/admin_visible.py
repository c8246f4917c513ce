"""Per-camera rights in the admin, for the rows of every app that belong to a camera."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import RelatedFieldListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from cameras.access import only_visible, visible_cameras
from hsi.admin_base import HSIAdmin, MachineAdmin


class VisibleRows(HSIAdmin):
    """Only rows of cameras that the user may see, whatever else the user may do."""

    camera_field = "camera"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return only_visible(super().get_queryset(request), request.user, self.camera_field)


class VisibleMachineRows(VisibleRows, MachineAdmin):
    """Such rows, where a machine writes them."""


class CameraFilter(RelatedFieldListFilter):
    """Offers the cameras that the user may see, and asks for them once."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(visible_cameras(request.user).values_list("pk", "name"))
