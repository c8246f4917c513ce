"""Recent files of a camera and their processing state, or what to check while no file arrives."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.timezone import localtime

from cameras import offline
from cameras.files import disk_guard
from cameras.files.paths import is_ignored, is_temporary
from cameras.files.tree import Tree
from cameras.intake import scanner
from cameras.intake.scanner import QuietVisitor
from cameras.models import Camera, IntakeProblem, Upload
from cameras.naming import file_names, recorder_channels
from cameras.unassigned_folders import find_unassigned_folders
from cameras.vendors import vendor_for_pattern
from detection.models import Batch
from events.models import Event
from hsi.times import iso
from monitoring.pages.formatting import many
from monitoring.pages.page import OperationsPage

SHOWN = 5
LATELY = timedelta(days=1)
FILES_LOOKED_AT = 500
# What to do about a file that was refused, by how its reason begins (docs/cameras.md, Quarantine).
ADVICE = {
    "empty": "It had no bytes. Look at the camera's storage and connection.",
    "truncated": "The upload broke off. Look at the Wi-Fi and the time-outs of the FTP server.",
    "renamed": "The content is not what the name says. Look at the picture format in the camera's menu.",
    "too_large": "Lower the camera's quality, or raise IMAGE_MAX_BYTES or VIDEO_MAX_BYTES.",
    "too_many_pixels": "Lower the camera's resolution, or raise IMAGE_MAX_PIXELS.",
    "kills_decoder": "It ended the process that decodes it. Look where it came from before you open it.",
    "broken": "It is damaged inside. Once is chance; often is the camera or its connection.",
    "unsupported": "Turn this kind of upload off in the camera.",
    "linked": "It has a second name elsewhere, so it was not read. Copy it here instead of linking it.",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """A processing stage of a file. `tone` is `unknown` if the file has not reached it."""

    name: str
    tone: str
    words: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """A received file with its stages. `notes` explain its name and its problems."""

    upload: Upload
    stages: list[Stage]
    notes: list[str]
    event: int | None
    picture: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to check while no file arrives."""

    tone: str
    words: str


@dataclass(frozen=True, slots=True)
class Arrivals:
    """`is_first`: exactly one file was ever received. `seen` are names of files that wait in the folder."""

    newest: list[Arrival]
    is_first: bool
    seen: list[str]
    findings: list[Finding]

    @property
    def are_stopped(self) -> bool:
        """Whether no file can arrive."""
        return any(finding.tone == "bad" for finding in self.findings)


class FirstPicture(OperationsPage):
    """Return `{"at": time, "newest": upload id or 0, "html": ...}` for the waiting page."""

    def get(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        camera = get_object_or_404(Camera, pk=self.kwargs["pk"])
        files = arrivals(camera)
        html = render_to_string("monitoring/camera/arrivals.html", {"arrivals": files, "camera": camera})
        newest = files.newest[0].upload.pk if files.newest else 0
        return JsonResponse({"at": iso(timezone.now()), "newest": newest, "html": html})


def arrivals(camera: Camera) -> Arrivals:
    now = timezone.now()
    recent = Upload.objects.filter(camera=camera, received_at__gte=now - LATELY).order_by("-received_at", "-id")
    newest = [arrival(upload) for upload in recent[:SHOWN]]
    seen, findings = lying(camera)
    is_first = Upload.objects.filter(camera=camera).order_by()[:2].count() == 1
    checks = [*standing_still(camera), *several_channels(camera, newest), *findings, *elsewhere(camera, now)]
    return Arrivals(newest, is_first, seen, checks)


def arrival(upload: Upload) -> Arrival:
    event = Event.objects.filter(batches__detections__upload=upload).values_list("pk", flat=True).first()
    refused = upload.state == Upload.State.REJECTED
    stages = [
        Stage("Seen", "good", f"{localtime(upload.received_at):%H:%M:%S}"),
        Stage("Stored", "bad" if refused else "good", "refused" if refused else f"upload {upload.pk}"),
        looked_at(upload),
        Stage("Event", "good", f"event {event}") if event else Stage("Event", "unknown", without_event(upload)),
    ]
    return Arrival(upload, stages, notes(upload), event, bool(upload.thumbnail))


def looked_at(upload: Upload) -> Stage:
    State = Upload.State  # noqa: N806
    tones = {State.WAITING: "wait", State.DETECTED: "good", State.EMPTY: "good", State.DEAD: "bad"}
    tone = tones.get(State(upload.state), "unknown")
    found = upload.detections.count() if upload.state == State.DETECTED else 0
    words = {
        State.WAITING: "waits for the detector",
        State.DETECTED: many(found, "object") + " found",
        State.EMPTY: "nothing found",
        State.DEAD: "failed",
    }
    return Stage("Analysed", tone, words.get(State(upload.state), "not needed"))


def without_event(upload: Upload) -> str:
    if upload.state != Upload.State.DETECTED:
        return "none so far"
    batch = Batch.objects.filter(detections__upload=upload).first()
    if batch is None:
        ignored = upload.detections.order_by("ordinal").first()
        return f"none: {ignored.get_ignored_display()}" if ignored else "none so far"
    return f"none: {batch.get_state_display()}" if batch.state == Batch.State.UNSURE else "when its batch closes"


def notes(upload: Upload) -> list[str]:
    """Explain the name, the rejection and what to do."""
    texts = [name_note(upload)]
    if upload.clock_skew:
        texts.append("The camera's clock is wrong, so the arrival time is used. Set the clock, preferably by NTP.")
    if upload.reason:
        texts.append(f"Why: {upload.reason}.")
    if upload.state == Upload.State.REJECTED:
        texts.append(ADVICE.get(upload.reason.partition(":")[0], ADVICE["broken"]))
    return texts


def name_note(upload: Upload) -> str:
    named = file_names.parse(upload.path.partition("/")[2])
    if named is None:
        return f"Its name contains no time. The time is from the {upload.get_captured_at_source_display()}."
    vendor = vendor_for_pattern(named.pattern)
    reason = f", {named.trigger}" if named.trigger else ""
    return f"Named as by {vendor.name if vendor else named.pattern}: {named.local:%d.%m.%Y %H:%M:%S}{reason}."


def standing_still(camera: Camera) -> list[Finding]:
    """Return why no file can be accepted at all."""
    found = []
    if not camera.enabled:
        found.append(Finding("warn", "The camera is paused: its files wait in their folder."))
    if disk_guard.is_disk_low():
        found.append(Finding("bad", "The disk is nearly full. Intake is paused, files wait in their folders."))
    elif offline.intake_is_stopped():
        found.append(Finding("bad", "The watcher is not running, so no file is accepted. Start it, or check its log."))
    return found


def several_channels(camera: Camera, arrived: list[Arrival]) -> list[Finding]:
    """Warn if the newest files belong to several channels of a recorder and no channel pattern is set."""
    names = [one.upload.path.partition("/")[2] for one in arrived]
    known = {channel: name for name in names if (channel := recorder_channels.guess_channel(name))}
    if len(known) < 2 or camera.channel_pattern or camera.folder != camera.root_folder:
        return []
    channel, name = max(known.items())
    words = f"Its files name the channels {', '.join(sorted(known))} of a recorder: one camera cannot be all of them."
    return [Finding("warn", f"{words} {recorder_channels.pattern_advice(name, channel)}")]


def lying(camera: Camera) -> tuple[list[str], list[Finding]]:
    """Return waiting files in the folder of the camera, and findings about the folder."""
    tree = Tree(settings.CAMERA_ROOT)
    try:
        if camera.root_folder not in tree.folders():
            return [], [Finding("bad", f"The folder {camera.root_folder} does not exist in the camera folder.")]
        entries = list(islice(tree.walk(camera.root_folder, QuietVisitor()), FILES_LOOKED_AT))
    except OSError:
        return [], [Finding("bad", "The camera folder does not exist or cannot be read.")]
    if not entries:
        return [], [Finding("calm", f"The folder {camera.root_folder} is empty: the camera has not written to it.")]
    half = [entry for entry in entries if is_temporary(entry.path)]
    rest = [entry for entry in entries if not is_ignored(entry.path)]
    new = list(scanner.without_row(entry for entry in rest if scanner.is_supported(entry.path)))
    seen = [f"{entry.path.partition('/')[2]} (still being written)" for entry in half]
    return [*(entry.path.partition("/")[2] for entry in new), *seen][:SHOWN], problems(camera)


def problems(camera: Camera) -> list[Finding]:
    """Return the intake problems of the camera."""
    rows = IntakeProblem.objects.filter(folder__in=(camera.root_folder, ""))
    return [Finding("calm" if row.kind in row.HARMLESS else "warn", f"{row.summary}.") for row in rows]


def elsewhere(camera: Camera, now: datetime) -> list[Finding]:
    """Return findings about files in other places."""
    made = Camera.objects.filter(created_at__gte=now - timedelta(hours=1), uploads__isnull=False).exclude(pk=camera.pk)
    found = [
        Finding("warn", f"A camera {other.name} was made for the folder {other.folder}: does this camera write there?")
        for other in made.distinct()[:SHOWN]
    ]
    try:
        strays, loose = find_unassigned_folders()[:SHOWN], lies_in_root()
    except OSError:
        return found  # `lying` reports this
    for stray in strays:
        words = f"Files lie in the folder {stray.name}, which belongs to no camera: does this camera write there?"
        found.append(Finding("warn", words))
    if loose:
        words = "Files lie in the camera folder itself: does the camera's menu name its folder?"
        found.append(Finding("warn", words))
    return found


def lies_in_root() -> bool:
    with os.scandir(settings.CAMERA_ROOT) as entries:
        return any(entry.is_file(follow_symlinks=False) for entry in islice(entries, FILES_LOOKED_AT))
