"""The zone editor of a camera. It stores zones through the API, which validates them."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from cameras.models import Camera, Upload, Zone
from cameras.serializers import zone_data
from cameras.services import MAX_ZONES
from cameras.zones import MAX_POINTS, MIN_POINTS
from hsi.admin.base import shortened
from hsi.http.url_prefix import link
from monitoring.pages.camera.status import get_camera
from monitoring.pages.camera.steps import TITLE
from monitoring.pages.page import OperationsPage

BOARD = (16, 9)  # used when there is no picture yet

AREA_HELP = "It has a name for alert rules, and does not change the score."
KIND_HELP = {
    Zone.Kind.STREET: "Public ground: who only passes here never raises the score by day.",
    Zone.Kind.ENTRANCE: "The door and the way to it: visitors are usual, at unusual hours they raise the score.",
    Zone.Kind.DRIVEWAY: "Residents and deliveries come and go: a person at night raises the score.",
    Zone.Kind.PRIVATE: "Only residents and guests belong here: a person at night is an alarm.",
    Zone.Kind.IGNORE: "What stands here starts no event.",
}


class ZoneEditor(OperationsPage):
    template_name = "monitoring/camera/zones.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        camera = get_camera(self.kwargs["pk"])
        return {
            **super().get_context_data(**kwargs),
            "title": f"Zones of {shortened(camera.name, TITLE)}",
            "camera": camera,
            "drawn_on": drawn_on(camera),
            "kinds": [("", "just an area", AREA_HELP), *((one, one.label, KIND_HELP[one]) for one in Zone.Kind)],
            "back": reverse("admin:camera", args=[camera.pk]),
        }


def drawn_on(camera: Camera) -> dict[str, Any]:
    """Return the data for the script: zones, their API address, and the background picture."""
    newest = camera.uploads.filter(state__in=Upload.USABLE).order_by("-captured_at", "-id").first()
    width, height = (newest.width, newest.height) if newest and newest.width and newest.height else BOARD
    return {
        "zones": [zone_data(zone) for zone in camera.zones.all()],
        "address": link(f"/api/cameras/{camera.pk}/zones"),
        "picture": link(f"/api/cameras/{camera.pk}/snapshot?upload={newest.pk}") if newest else "",
        "width": width, "height": height,
        "fewest": MIN_POINTS, "most": MAX_POINTS, "mostZones": MAX_ZONES,
    }  # fmt: skip
