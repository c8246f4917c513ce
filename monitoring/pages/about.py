"""Everything about one upload, batch or event: related rows, dead letters, audit entries and log lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.http import Http404
from django.urls import reverse

from cameras.models import Upload
from detection.models import Batch, Detection
from events.models import Event
from hsi.api.filters import BIGGEST_ID
from hsi.models import AuditEntry, DeadLetter
from hsi.queues import DETECTION_QUEUE
from monitoring.models import LogEntry
from monitoring.pages.logs import SHOWN, TONES
from monitoring.pages.page import OperationsPage

MOST = 200  # most uploads of a batch that are shown


@dataclass(frozen=True, slots=True)
class Family:
    """Related rows: an event, its batch, and the uploads of its detections."""

    uploads: tuple[int, ...]
    batches: tuple[int, ...]
    events: tuple[int, ...]

    @property
    def camera(self) -> str | None:
        by_upload = Upload.objects.filter(pk__in=self.uploads).values_list("camera", flat=True)
        return by_upload.first() or Batch.objects.filter(pk__in=self.batches).values_list("camera", flat=True).first()


class About(OperationsPage):
    template_name = "monitoring/about.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        kind, pk = self.kwargs["kind"], self.kwargs["pk"]
        if kind not in FAMILIES or pk > BIGGEST_ID:
            raise Http404
        family = FAMILIES[kind](pk)
        lines = list(log_of(family).order_by("-created_at", "-id")[:SHOWN])
        return {
            **super().get_context_data(**kwargs),
            "title": f"Everything about {kind} {pk}",
            "camera": family.camera,
            "uploads": Upload.objects.filter(pk__in=family.uploads).order_by("captured_at", "pk"),
            "batches": Batch.objects.filter(pk__in=family.batches),
            "events": Event.with_trash.filter(pk__in=family.events),
            "letters": dead_letters_of(family),
            "audit": audit_of(family)[:SHOWN],
            "lines": [(line, TONES.get(line.level, "calm")) for line in lines],
            "row_link": reverse(f"admin:{PAGES[kind]}_change", args=[pk]),
            "kind": kind,
            "pk": pk,
        }


def upload_family(pk: int) -> Family:
    batches = (
        Detection.objects.filter(upload=pk, batch__isnull=False).order_by().values_list("batch", flat=True).distinct()
    )
    return Family((pk,), tuple(batches[:MOST]), events_of(batches[:MOST]))


def batch_family(pk: int) -> Family:
    return Family(uploads_of([pk]), (pk,), events_of([pk]))


def event_family(pk: int) -> Family:
    batches = tuple(Batch.objects.filter(event=pk).order_by("pk").values_list("pk", flat=True)[:MOST])
    return Family(uploads_of(batches), batches, (pk,))


def uploads_of(batches: Iterable[int]) -> tuple[int, ...]:
    rows = Detection.objects.filter(batch__in=list(batches)).order_by().values_list("upload", flat=True)
    return tuple(rows.distinct()[:MOST])


def events_of(batches: Iterable[int]) -> tuple[int, ...]:
    return tuple(Event.with_trash.filter(batches__in=list(batches)).values_list("pk", flat=True).distinct())


FAMILIES = {"upload": upload_family, "batch": batch_family, "event": event_family}
PAGES = {"upload": "cameras_upload", "batch": "detection_batch", "event": "events_event"}


def log_of(family: Family) -> Any:
    """Return the log lines of the uploads and batches."""
    named = Q(pk__in=[])
    if family.uploads:
        named |= Q(upload__in=family.uploads)
    if family.batches:
        named |= Q(batch__in=family.batches)
    return LogEntry.objects.filter(named)


def dead_letters_of(family: Family) -> Any:
    pictures = Q(queue=DETECTION_QUEUE, row_id__in=family.uploads)
    judgements = ~Q(queue=DETECTION_QUEUE) & Q(row_id__in=family.batches)
    return DeadLetter.objects.filter(pictures | judgements).order_by("-id")[:SHOWN]


def audit_of(family: Family) -> Any:
    names = [f"{kind} {pk}" for kind, of in (("event", family.events), ("batch", family.batches)) for pk in of]
    names += [f"{DETECTION_QUEUE} row {pk}" for pk in family.uploads] + [f"upload {pk}" for pk in family.uploads]
    return AuditEntry.objects.filter(object__in=names).order_by("-created_at", "-id")
