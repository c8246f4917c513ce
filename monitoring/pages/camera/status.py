"""The page of a camera: last picture, uploads of a day, expected interval, clock and links."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import Count
from django.db.models.functions import TruncHour
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from cameras import services
from cameras.clock_offset import duration_text, offset_text, suggest_settings
from cameras.models import Camera, Upload, Zone
from cameras.vendors import OTHER_VENDOR, VENDORS_BY_KEY
from detection.models import StaticObject
from detection.relevance import static_objects
from detection.relevance.rules import numbers_by_label
from events import habits
from events.analyzers.situation import HABIT_DAYS
from events.models import Event
from events.severity import TONES as LEVEL_TONES
from hsi.admin.base import shortened
from monitoring.pages.camera.intervals import in_words, longest_pause
from monitoring.pages.camera.steps import TITLE, address
from monitoring.pages.chart import spark
from monitoring.pages.formatting import age, since
from monitoring.pages.page import ConfirmationPage, OperationsPage
from monitoring.pages.panels import camera_state

DAY = timedelta(days=1)
SHOWN_UPLOADS, SHOWN_EVENTS, SHOWN_STATIC = 12, 6, 100
TONES = {
    "waiting": "wait", "detected": "good", "empty": "calm", "duplicate": "calm", "rejected": "bad", "dead": "bad",
}  # fmt: skip
# What the pictures show, before and after the time since when, and what to do.
VIEWS = {
    Camera.View.FROZEN: ("The picture has been the same since", "Restart the camera."),
    Camera.View.BLACK: ("The picture has been black since", "Uncover the lens. At night, check the infrared light."),
    Camera.View.COVERED: ("The picture has shown no details since", "Remove what covers the lens."),
    Camera.View.BLURRED: ("The picture has been blurred since", "Clean the lens, or focus it."),
    Camera.View.TURNED: (
        "The camera has shown another place since",
        "Turn it back, or draw its zones again. The new view becomes the usual one after about 10 minutes.",
    ),
}


@dataclass(frozen=True, slots=True)
class StateCount:
    """Number of uploads of a day in one state, with a link to them."""

    state: str
    tone: str
    number: int
    link: str


class CameraPage(OperationsPage):
    template_name = "monitoring/camera/camera.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        camera = get_camera(self.kwargs["pk"])
        now = timezone.now()
        state, tone = camera_state(camera, last_of(camera))
        recent = Upload.objects.filter(camera=camera, received_at__gte=now - DAY)
        return {
            **super().get_context_data(**kwargs),
            "title": shortened(camera.name, TITLE),
            "camera": camera,
            "state": state,
            "tone": tone,
            "silent_for": since(camera.offline_since, now) if camera.offline_since else "",
            "view": VIEWS.get(Camera.View(camera.view)),
            "last": since(last_of(camera), now),
            "vendor": VENDORS_BY_KEY.get(camera.vendor, OTHER_VENDOR).name,
            "interval": in_words(camera.expected_interval_seconds),
            "longest_pause_words": age(longest_pause(camera, now)),
            "local_now": now.astimezone(camera.zone),
            **clock(camera, now),
            "state_counts": state_counts(camera, now),
            "hours": by_hour(camera, now),
            "uploads": [
                (upload, TONES[upload.state]) for upload in recent.order_by("-received_at", "-id")[:SHOWN_UPLOADS]
            ],
            "events": [(event, LEVEL_TONES.get(event.risk_level or "", "wait")) for event in events(camera, now)],
            "zones": camera.zones.all(),
            "counting": counting(camera),
            "settings_link": reverse("admin:cameras_camera_change", args=[camera.pk]),
            "static_objects": [
                (one, since(one.since, now), since(one.last_seen_at, now))
                for one in StaticObject.objects.filter(camera=camera).order_by("-id")[:SHOWN_STATIC]
            ],
            "habits": habit_lines(camera, now),
            "habit_days": HABIT_DAYS,
            "edit": {step: address(camera, step) for step in ("name", "place", "vendor", "clock", "interval", "first")},
            "links": links(camera, now),
        }


def counting(camera: Camera) -> list[tuple[str, str]]:
    """Return what counts at a camera, as names and texts: its own values, else those of the site."""
    labels = camera.labels or settings.DETECTION_LABELS
    facts = [("Labels that count", ", ".join(labels) or "none")]
    for name, own, of_site in (
        ("Lowest confidence", camera.thresholds, settings.DETECTION_THRESHOLDS),
        ("Smallest share of the picture", camera.min_sizes, settings.DETECTION_MIN_SIZES),
        ("Largest share of the picture", camera.max_sizes, settings.DETECTION_MAX_SIZES),
    ):
        numbers = numbers_by_label(of_site) | own
        if numbers:
            facts.append((name, ", ".join(f"{label} {number:g}" for label, number in numbers.items())))
    return facts


@dataclass(frozen=True, slots=True)
class HabitLine:
    """The hours in which a camera sees a kind of object on one kind of ground."""

    label_group: str
    zone_kind: str
    kind: str
    hours: str


def habit_lines(camera: Camera, now: datetime) -> list[HabitLine]:
    """Return a line for each kind of object, such as `7:00 (5), 8:00 (2)` with the days in brackets."""
    hours: dict[tuple[str, str], list[str]] = {}
    for one in habits.routines(camera.pk, now.astimezone(camera.zone).date()):
        hours.setdefault((one.label_group, one.zone_kind), []).append(f"{one.hour}:00 ({one.days})")
    kinds = dict(Zone.Kind.choices)
    return [HabitLine(group, kind, kinds.get(kind, kind), ", ".join(words)) for (group, kind), words in hours.items()]


def clock(camera: Camera, now: datetime) -> dict[str, str]:
    """Return texts for the clock error and the suggested correction, empty if there is none."""
    offered, correction = suggest_settings(camera, now), camera.clock_correction_seconds
    off = offset_text(camera.clock_offset_seconds) if camera.clock_offset_seconds else ""
    words = ""
    if offered is not None:
        zone, seconds = offered["time_zone"], offered["clock_correction_seconds"]
        words = f"its clock is set to the time zone {zone}" if zone != camera.time_zone else added(seconds)
    corrected = added(correction) if correction else ""
    return {"clock_off": off, "clock_offer": words, "clock_corrected": corrected}


def added(seconds: int) -> str:
    if seconds == 0:
        return "nothing is added to its times"
    return f"{duration_text(seconds)} {'added to' if seconds > 0 else 'taken off'} its times"


def get_camera(pk: str) -> Camera:
    return get_object_or_404(Camera.objects.with_last_upload(), pk=pk)


def last_of(camera: Camera) -> datetime | None:
    """Return the capture time of the newest picture."""
    last: datetime | None = getattr(camera, "last_captured_at", None)
    return last


def events(camera: Camera, now: datetime) -> list[Event]:
    return list(
        Event.objects.filter(camera=camera, started_at__gte=now - DAY).order_by("-started_at", "-id")[:SHOWN_EVENTS]
    )


def state_counts(camera: Camera, now: datetime) -> list[StateCount]:
    """Count the uploads of a day by state."""
    recent = Upload.objects.filter(camera=camera, received_at__gte=now - DAY).order_by()
    numbers = dict(recent.values_list("state").annotate(number=Count("pk")))
    page = f"{reverse('admin:cameras_upload_changelist')}?camera__id__exact={camera.pk}&state__exact="
    return [
        StateCount(str(label), TONES[state], numbers.get(state, 0), f"{page}{state}")
        for state, label in Upload.State.choices
    ]


def by_hour(camera: Camera, now: datetime) -> SafeString:
    """Draw the uploads of the last 24 hours by hour."""
    recent = Upload.objects.filter(camera=camera, received_at__gte=now - DAY).order_by()
    numbers = dict(recent.annotate(hour=TruncHour("received_at")).values_list("hour").annotate(number=Count("pk")))
    this = now.replace(minute=0, second=0, microsecond=0)
    return spark([numbers.get(this - timedelta(hours=ago), 0) for ago in range(23, -1, -1)])


def links(camera: Camera, now: datetime) -> list[tuple[str, str, str]]:
    """Return the links of a camera: (icon, text, address)."""
    of_it = f"camera__id__exact={camera.pk}"
    return [
        ("notifications", "Events", f"{reverse('admin:events_event_changelist')}?{of_it}"),
        ("photo_library", "Uploads", f"{reverse('admin:cameras_upload_changelist')}?{of_it}"),
        ("polyline", "Zones", reverse("admin:camera_zones", args=[camera.pk])),
        ("subject", "Logs", f"{reverse('admin:logs')}?camera={camera.pk}"),
        ("visibility", "Who may see it", reverse("admin:cameras_camera_change", args=[camera.pk])),
        ("history", "Audit", f"{reverse('admin:hsi_auditentry_changelist')}?q=camera+{camera.pk}"),
    ]


class CorrectClock(OperationsPage):
    """Applies the suggested clock correction."""

    http_method_names = ("post",)

    def post(self, request: HttpRequest, pk: str) -> HttpResponse:
        camera = get_camera(pk)
        offered = suggest_settings(camera, timezone.now())
        if offered is None:
            messages.warning(request, f"The clock of {camera.name} needs no correction.")
        else:
            services.update_camera(camera, dict(offered))
            messages.success(request, f"The clock of {camera.name} is corrected, starting with the next picture.")
        return HttpResponseRedirect(reverse("admin:camera", args=[pk]))


class ForgetStaticObject(OperationsPage):
    http_method_names = ("post",)

    def post(self, request: HttpRequest, pk: str, static_object: int) -> HttpResponse:
        camera = get_camera(pk)
        one = StaticObject.objects.filter(camera=camera, pk=static_object).first()
        if one is not None and static_objects.forget(StaticObject.objects.filter(pk=one.pk), camera.pk):
            messages.success(request, f"The {one.label} is forgotten. It counts again.")
        else:
            messages.warning(request, "It was forgotten already.")
        return HttpResponseRedirect(reverse("admin:camera", args=[pk]))


class ClearHabits(OperationsPage):
    http_method_names = ("post",)

    def post(self, request: HttpRequest, pk: str) -> HttpResponse:
        if habits.clear(get_camera(pk)):
            messages.success(request, "The habits are cleared. Everything is unusual until it was seen again.")
        else:
            messages.warning(request, "There were no habits.")
        return HttpResponseRedirect(reverse("admin:camera", args=[pk]))


class PauseCamera(ConfirmationPage):
    title = "Pause a camera"
    button = "Pause"
    dangerous = False

    def question(self) -> str:
        return f"Pause {get_camera(self.kwargs['pk']).name}? Its files wait in their folder until you resume it."

    def act(self) -> str:
        camera = get_camera(self.kwargs["pk"])
        services.update_camera(camera, {"enabled": False})
        return f"{camera.name} is paused."

    def back(self) -> str:
        return reverse("admin:camera", args=[self.kwargs["pk"]])


class ResumeCamera(OperationsPage):
    http_method_names = ("post",)

    def post(self, request: HttpRequest, pk: str) -> HttpResponse:
        camera = get_camera(pk)
        services.update_camera(camera, {"enabled": True})
        messages.success(request, f"{camera.name} is resumed. Waiting files are processed.")
        return HttpResponseRedirect(reverse("admin:camera", args=[pk]))
