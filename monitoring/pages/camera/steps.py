"""Add a camera in steps. The first step creates it, and the others change it, so that leaving early loses nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from cameras import services
from cameras.api.inputs import CameraInputSerializer, NewCameraInputSerializer
from cameras.files.tree import Tree
from cameras.models import Camera
from cameras.services import CameraExistsError, default_name
from cameras.unassigned_folders import MAX_FILES, UnassignedFolder, find_unassigned_folders, inspect_folder
from cameras.vendors import OTHER_VENDOR, VENDORS, VENDORS_BY_KEY
from hsi.admin.base import shortened
from hsi.api.inputs import Input
from hsi.errors import HSIError
from monitoring.pages.camera import intervals
from monitoring.pages.camera.arrivals import arrivals
from monitoring.pages.page import OperationsPage

TITLES = {
    "folder": "Folder",
    "name": "Name",
    "place": "Place",
    "vendor": "Vendor",
    "clock": "Time zone",
    "interval": "Interval",
    "first": "First picture",
}
ORDER = tuple(TITLES)
PLACE_HELP = {
    "": "The camera is judged like one at an entrance.",
    Camera.Place.STREET: "People and cars pass at any hour. Only a person who stays at night raises the score.",
    Camera.Place.ENTRANCE: "Visitors come to the door. Someone at an hour without visitors is unusual.",
    Camera.Place.DRIVEWAY: "Residents and deliveries come and go. Someone at night raises the score.",
    Camera.Place.PRIVATE: "Only residents and guests belong there, as in a garden. A person at night is an alarm.",
    Camera.Place.INDOOR: "The inside of the house. It is judged like private ground.",
}
TITLE = 40  # longest camera name in a page title


@dataclass(frozen=True, slots=True)
class Step:
    """A step in the list of steps. `link` is empty before the camera exists."""

    title: str
    link: str
    here: bool
    number: int


def steps(camera: Camera | None, here: str) -> list[Step]:
    return [
        Step(title, address(camera, name) if camera else "", name == here, number)
        for number, (name, title) in enumerate(TITLES.items(), start=1)
    ]


def address(camera: Camera, step: str) -> str:
    return reverse("admin:camera_step", args=[camera.pk, step])


class NewCamera(OperationsPage):
    """The first step: choose the folder, which creates the camera."""

    template_name = "monitoring/camera/step.html"
    title = "Add a camera"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found, fault = known_folders()
        shown = {"folders": found, "folders_fault": fault, "root": settings.CAMERA_ROOT, "most": MAX_FILES}
        frame = {"step": "folder", "steps": steps(None, "folder"), "part": "monitoring/camera/folder.html"}
        return {**super().get_context_data(**kwargs), **frame, **shown, **kwargs}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        folder = request.POST.get("folder", "").strip()
        body = NewCameraInputSerializer(data={"name": default_name(folder), "folder": folder})
        if not body.is_valid():
            return self.again(folder, "; ".join(words(body.errors)))
        try:
            camera = services.create_camera(**body.validated_data, vendor=vendor_in(folder))
        except CameraExistsError as error:
            return self.again(folder, error.detail, Camera.objects.filter(folder=folder).first())
        except HSIError as error:
            return self.again(folder, error.detail)
        return HttpResponseRedirect(address(camera, "name"))

    def again(self, folder: str, fault: str, owner: Camera | None = None) -> HttpResponse:
        status = 409 if owner else 400
        return self.render_to_response(self.get_context_data(typed=folder, wrong=fault, owner=owner), status=status)


def known_folders() -> tuple[list[UnassignedFolder], str]:
    """Return the available folders, and an error message."""
    try:
        return find_unassigned_folders(), ""
    except OSError:
        return [], "The camera folder does not exist or cannot be read."


def vendor_in(folder: str) -> str:
    """Guess the vendor from the file names in a folder; "" if unknown."""
    try:
        unassigned = inspect_folder(Tree(settings.CAMERA_ROOT), folder)
    except OSError:
        return ""
    return unassigned.vendor.key if unassigned and unassigned.vendor else ""


class CameraStep(OperationsPage):
    """A later step. Its input is validated and audited like input of the API."""

    template_name = "monitoring/camera/step.html"

    def camera(self) -> Camera:
        if self.kwargs["step"] not in ORDER[1:]:
            raise Http404
        return get_object_or_404(Camera.objects.with_last_upload(), pk=self.kwargs["pk"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        camera, name = self.camera(), self.kwargs["step"]
        place = ORDER.index(name)
        return {
            **super().get_context_data(**kwargs),
            "title": f"Set up {shortened(camera.name, TITLE)}",
            "camera": camera,
            "step": name,
            "steps": steps(camera, name),
            "part": f"monitoring/camera/{name}.html",
            "before": address(camera, ORDER[place - 1]) if place > 1 else "",
            "after": address(camera, ORDER[place + 1]) if place + 1 < len(ORDER) else "",
            **STEP_DATA[name](camera, self.request),
            **kwargs,
        }

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        camera, name = self.camera(), self.kwargs["step"]
        if name not in STEP_INPUT:
            raise Http404
        body: Input = CameraInputSerializer(data=STEP_INPUT[name](request), partial=True)
        if not body.is_valid():
            fault = " ".join(words(body.errors))
            return self.render_to_response(self.get_context_data(wrong=fault, typed=request.POST.dict()), status=400)
        services.update_camera(camera, body.validated_data)
        if request.POST.get("then") == "leave":
            return HttpResponseRedirect(reverse("admin:camera", args=[camera.pk]))
        return HttpResponseRedirect(address(camera, ORDER[ORDER.index(name) + 1]))


def words(errors: Any) -> list[str]:
    """Return the messages of all fields."""
    return [str(message) for messages in errors.values() for message in messages]


def vendor_data(camera: Camera, request: HttpRequest) -> dict[str, Any]:
    host = urlsplit(f"//{request.get_host()}").hostname or ""
    chosen = VENDORS_BY_KEY.get(camera.vendor, OTHER_VENDOR)
    offered = [(vendor, vendor.path(camera.root_folder, host), vendor is chosen) for vendor in (*VENDORS, OTHER_VENDOR)]
    return {"vendors": offered, "root": settings.CAMERA_ROOT}


def clock_data(camera: Camera, request: HttpRequest) -> dict[str, Any]:
    # Names without a region, such as GMT+1 or posixrules, are obsolete.
    places = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/")))
    others = {"UTC", camera.time_zone} - {"", *places}
    return {"zones": [*sorted(others), *places], "site_zone": settings.TIME_ZONE, "chosen": camera.time_zone}


def place_data(camera: Camera, request: HttpRequest) -> dict[str, Any]:
    """Return the places as (value, label, explanation, whether it is chosen)."""
    labels = {"": "not set", **dict(Camera.Place.choices)}
    return {"places": [(value, labels[value], words, value == camera.place) for value, words in PLACE_HELP.items()]}


STEP_DATA: dict[str, Callable[[Camera, HttpRequest], dict[str, Any]]] = {
    "name": lambda camera, request: {},
    "place": place_data,
    "vendor": vendor_data,
    "clock": clock_data,
    "interval": lambda camera, request: intervals.form_data(camera),
    "first": lambda camera, request: {"arrivals": arrivals(camera)},
}
STEP_INPUT: dict[str, Callable[[HttpRequest], dict[str, Any]]] = {
    "name": lambda request: {"name": request.POST.get("name", "")},
    "place": lambda request: {"place": request.POST.get("place", "")},
    "vendor": lambda request: {"vendor": request.POST.get("vendor", "")},
    "clock": lambda request: {"time_zone": request.POST.get("time_zone", "")},
    "interval": lambda request: {"expected_interval_seconds": intervals.entered(request.POST)},
}
