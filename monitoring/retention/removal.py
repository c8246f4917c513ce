"""Remove units: one transaction deletes the rows and lists the files as garbage, then the files are deleted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from cameras.models import Garbage, Upload, version_key
from detection.models import Batch, Detection
from events.models import Event, EventBatch
from events.serializers import EventDeletedData
from hsi import failpoints
from hsi.models import DeadLetter
from hsi.outbox import publish
from hsi.outbox.messages import Message
from hsi.queues import ANALYSIS_QUEUE, DETECTION_QUEUE, FAST_PATH_QUEUE
from monitoring.retention import file_removal
from monitoring.retention.units import FINISHED_BATCH, DeletionUnit, StoredFile

BATCH_QUEUES = (ANALYSIS_QUEUE, FAST_PATH_QUEUE)


def remove(units: list[DeletionUnit], reason: str) -> list[DeletionUnit]:
    """Remove the units that are still removable, and return them. Files that cannot be deleted now stay garbage."""
    if not units:
        return []
    with transaction.atomic():
        going = _locked(units)
        _to_garbage(file for unit in going for file in unit.files)
        failpoints.reach("prune.garbage")
        _delete_rows(going)
        failpoints.reach("prune.rows")
        publish.publish(*_messages(going, reason))
    failpoints.reach("prune.committed")
    file_removal.clear()
    return going


def _locked(units: list[DeletionUnit]) -> list[DeletionUnit]:
    """Lock the rows (batches, events, uploads), and return the units that are still finished and not kept."""
    batches = {batch for unit in units for batch in unit.batches}
    rows = Batch.objects.select_for_update().filter(pk__in=batches, state__in=FINISHED_BATCH).order_by("pk")
    free = set(rows.values_list("pk", flat=True))
    busy = _busy_events(units)
    files = {file.id for unit in units for file in unit.files}
    uploads = Upload.objects.select_for_update().filter(pk__in=files).order_by("pk")
    states = dict(uploads.values_list("pk", "state"))
    return [
        unit
        for unit in units
        if free.issuperset(unit.batches)
        and unit.event not in busy
        and all(states.get(file.id) == file.state for file in unit.files)
    ]


def _busy_events(units: list[DeletionUnit]) -> set[int | None]:
    """Lock the events. Return those that are kept, waiting, restored, or not the same batches any more."""
    expected = {unit.event: unit for unit in units if unit.event is not None}
    events = Event.with_trash.select_for_update().filter(pk__in=expected).order_by("pk")
    found = {event.pk: event for event in events}
    batches: dict[int, set[int]] = {pk: set() for pk in found}
    for event, batch in EventBatch.objects.filter(event__in=found).values_list("event", "batch"):
        batches[event].add(batch)
    return {
        pk
        for pk, unit in expected.items()
        if pk not in found or batches[pk] != set(unit.batches) or _is_busy(found[pk], unit)
    }


def _is_busy(event: Event, unit: DeletionUnit) -> bool:
    is_restored = unit.in_trash and event.deleted_at is None
    is_pending = event.analysis == Event.Analysis.PENDING
    return event.kept or event.exported_at is not None or is_pending or is_restored


def _to_garbage(files: Iterable[StoredFile]) -> None:
    Garbage.objects.bulk_create(row for file in files for row in _garbage_of(file))


def _garbage_of(file: StoredFile) -> Iterator[Garbage]:
    # Also where the file is thought to be gone, or to have been moved: it may be back. Not where another one with
    # this name, size and time has taken its place: that one's row has their key.
    if file.version_key == version_key(file.path, file.size, file.mtime_ns):
        yield Garbage(
            root=Garbage.Root.CAMERAS,
            path=file.path,
            size=file.size,
            mtime_ns=file.mtime_ns,
            version_key=file.version_key,
        )
    for path in filter(None, (file.thumbnail, file.quarantine, file.spool)):
        yield Garbage(root=Garbage.Root.DATA, path=path)


def _delete_rows(units: list[DeletionUnit]) -> None:
    uploads = [file.id for unit in units for file in unit.files]
    batches = [batch for unit in units for batch in unit.batches]
    Detection.objects.filter(upload_id__in=uploads).delete()
    Event.with_trash.filter(pk__in=[unit.event for unit in units if unit.event is not None]).delete()
    Batch.objects.filter(pk__in=batches).delete()
    Upload.objects.filter(pk__in=uploads).delete()
    # A dead letter without its row cannot be requeued.
    DeadLetter.objects.filter(
        Q(queue=DETECTION_QUEUE, row_id__in=uploads) | Q(queue__in=BATCH_QUEUES, row_id__in=batches),
        state=DeadLetter.State.OPEN,
    ).update(state=DeadLetter.State.DISCARDED, resolved_at=timezone.now())


def _messages(units: list[DeletionUnit], reason: str) -> list[Message]:
    return [
        Message(
            "event.deleted",
            unit.camera,
            EventDeletedData(id=unit.event, camera=unit.camera, reason=reason, merged_into=None),
        )
        for unit in units
        if unit.event is not None
    ]
