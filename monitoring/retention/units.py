"""What retention removes in one file: an upload alone, or a batch with its event and all its uploads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from cameras.models import Upload
from detection.models import Batch, Detection
from events.models import Event
from hsi.outbox.messages import CameraId

CHUNK = 200  # uploads read and removed per chunk
FIELDS = (
    "id", "camera_id", "path", "size", "mtime_ns", "version_key", "thumbnail", "quarantine", "captured_at",
    "received_at", "state", "file_gone", "spool",
)  # fmt: skip
FINISHED_BATCH = (Batch.State.ANALYSED, Batch.State.DEAD, Batch.State.UNSURE)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """The columns of an upload that retention needs."""

    id: int
    camera: CameraId
    path: str
    size: int
    mtime_ns: int
    version_key: str
    thumbnail: str
    quarantine: str
    captured_at: datetime
    received_at: datetime
    state: str
    file_gone: bool
    spool: str = ""


@dataclass(frozen=True, slots=True)
class DeletionUnit:
    """Removed as a whole or not at all. `settled`: it is processed and not marked to be kept."""

    camera: CameraId
    files: tuple[StoredFile, ...]
    settled: bool
    started_at: datetime
    ended_at: datetime
    batch: int | None = None
    event: int | None = None
    in_trash: bool = False

    @property
    def bytes(self) -> int:
        """Size of the existing files."""
        return sum(file.size for file in self.files if not file.file_gone)

    @property
    def received_at(self) -> datetime:
        """Arrival time of the newest file."""
        return max((file.received_at for file in self.files), default=self.ended_at)


def pages(uploads: QuerySet[Upload], key: str, before: datetime) -> Iterator[list[StoredFile]]:
    """Yield chunks of uploads with `key` before `before`, oldest first.

    Pages by position, so that kept rows are read once and memory use is constant.
    """
    rows = uploads.filter(**{f"{key}__lt": before}).order_by(key, "id")
    page = _read(rows[:CHUNK])
    while page:
        yield page
        at, last = getattr(page[-1], key), page[-1].id
        page = _read(rows.filter(**{f"{key}__gte": at}).filter(Q(**{f"{key}__gt": at}) | Q(id__gt=last))[:CHUNK])


def _read(rows: QuerySet[Upload]) -> list[StoredFile]:
    return [StoredFile(*row) for row in rows.values_list(*FIELDS)]


def units_of(page: list[StoredFile], key: str) -> list[DeletionUnit]:
    """Return the units that start in this page, oldest first. A batch starts at its first upload in `key` order."""
    batch_of = dict(
        Detection.objects.filter(upload_id__in=[file.id for file in page], batch__isnull=False)
        .values_list("upload_id", "batch_id")
        .distinct()
    )
    members = _members(set(batch_of.values()), {file.id: file for file in page})
    facts = _facts(members)
    found = []
    for file in page:
        batch = batch_of.get(file.id)
        if batch is None:
            found.append(_alone(file))
        elif batch in facts and min(members[batch], key=lambda one: (getattr(one, key), one.id)).id == file.id:
            found.append(_together(batch, members[batch], facts[batch]))
    return found


def empty_batches(before: datetime) -> Iterator[list[DeletionUnit]]:
    """Yield batches opened before `before` without detections, because their uploads were removed."""
    last = 0
    while rows := list(Batch.objects.filter(pk__gt=last, opened_at__lt=before).order_by("pk").values(*_BATCH)[:CHUNK]):
        last = rows[-1]["id"]
        held = set(
            Detection.objects.filter(batch_id__in=[row["id"] for row in rows]).values_list("batch_id", flat=True)
        )
        yield [_together(row["id"], [], row) for row in rows if row["id"] not in held]


def deleted_events(before: datetime) -> Iterator[list[DeletionUnit]]:
    """Yield units whose event was moved to the trash before `before`."""
    last = 0
    trash = Event.with_trash.filter(deleted_at__lt=before).order_by("pk")
    while found := dict(trash.filter(pk__gt=last).values_list("pk", "batch_id")[:CHUNK]):
        last = max(found)
        members = _members(set(found.values()), {})
        facts = _facts(found.values())
        yield [_together(batch, members.get(batch, []), facts[batch]) for batch in found.values() if batch in facts]


_BATCH = (
    "id", "camera_id", "state", "started_at", "ended_at", "event__id", "event__kept", "event__exported_at",
    "event__analysis", "event__deleted_at",
)  # fmt: skip


def _members(batches: set[int], known: dict[int, StoredFile]) -> dict[int, list[StoredFile]]:
    """Return all uploads of each batch, using rows that are already loaded."""
    links = list(Detection.objects.filter(batch_id__in=batches).values_list("batch_id", "upload_id").distinct())
    missing = {upload for _, upload in links} - known.keys()
    files = known | {file.id: file for file in _read(Upload.objects.filter(pk__in=missing))}
    members = defaultdict(list)
    for batch, upload in links:
        if upload in files:
            members[batch].append(files[upload])
    return members


def _facts(batches: Iterable[int]) -> dict[int, dict[str, Any]]:
    return {row["id"]: row for row in Batch.objects.filter(pk__in=list(batches)).values(*_BATCH)}


def _alone(file: StoredFile) -> DeletionUnit:
    settled = file.state in Upload.FINISHED
    return DeletionUnit(file.camera, (file,), settled, file.captured_at, file.captured_at)


def _together(batch: int, files: list[StoredFile], facts: dict[str, Any]) -> DeletionUnit:
    settled = (
        facts["state"] in FINISHED_BATCH
        and not facts["event__kept"]
        and facts["event__exported_at"] is None
        and facts["event__analysis"] != Event.Analysis.PENDING
        and all(file.state in Upload.FINISHED for file in files)
    )
    files = sorted(files, key=lambda file: file.id)
    return DeletionUnit(
        facts["camera_id"], tuple(files), settled, facts["started_at"], facts["ended_at"], batch, facts["event__id"],
        in_trash=facts["event__deleted_at"] is not None,
    )  # fmt: skip
