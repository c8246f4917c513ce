"""What retention removes together: an upload alone, a batch, or an event with all its batches, and their uploads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
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
    batches: tuple[int, ...] = ()
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
    """Return the units that start in this page, oldest first. A unit starts at its first upload in `key` order."""
    batch_of = dict(
        Detection.objects.filter(upload_id__in=[file.id for file in page], batch__isnull=False)
        .values_list("upload_id", "batch_id")
        .distinct()
    )
    groups = {batch: group for group in _groups(Q(pk__in=set(batch_of.values()))) for batch in group.batches}
    members = _members(groups, {file.id: file for file in page})
    found = []
    for file in page:
        batch = batch_of.get(file.id)
        if batch is None:
            found.append(_alone(file))
        elif batch in groups:
            files = members[groups[batch]]
            if min(files, key=lambda one: (getattr(one, key), one.id)).id == file.id:
                found.append(_together(groups[batch], files))
    return found


def empty_batches(before: datetime) -> Iterator[list[DeletionUnit]]:
    """Yield batches opened before `before` without detections, because their uploads were removed."""
    last = 0
    old = Batch.objects.filter(opened_at__lt=before).order_by("pk").values_list("pk", flat=True)
    while ids := list(old.filter(pk__gt=last)[:CHUNK]):
        last = ids[-1]
        groups = _groups(Q(pk__in=ids))
        batches = [batch for group in groups for batch in group.batches]
        held = set(Detection.objects.filter(batch_id__in=batches).values_list("batch_id", flat=True))
        yield [_together(group, []) for group in groups if held.isdisjoint(group.batches)]


def deleted_events(before: datetime) -> Iterator[list[DeletionUnit]]:
    """Yield units whose event was moved to the trash before `before`."""
    last = 0
    trash = Event.with_trash.filter(deleted_at__lt=before, merged_into=None).order_by("pk")
    while ids := list(trash.filter(pk__gt=last).values_list("pk", flat=True)[:CHUNK]):
        last = ids[-1]
        groups = _groups(Q(event__in=ids))
        members = _members({batch: group for group in groups for batch in group.batches}, {})
        yield [_together(group, members[group]) for group in groups]


@dataclass(frozen=True, slots=True)
class _Group:
    """The batches of an event, or a batch without one."""

    camera: CameraId
    batches: tuple[int, ...]
    started_at: datetime
    ended_at: datetime
    settled: bool
    event: int | None
    in_trash: bool


_BATCH = (
    "id", "camera_id", "state", "started_at", "ended_at", "event__id", "event__kept", "event__exported_at",
    "event__analysis", "event__ended", "event__deleted_at",
)  # fmt: skip


def _groups(condition: Q) -> list[_Group]:
    """Return the groups of the batches that meet `condition`, by their first batch."""
    named = Batch.objects.filter(condition)
    related = Batch.objects.filter(Q(pk__in=named) | Q(event__in=named.filter(event__isnull=False).values("event")))
    rows: defaultdict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for row in related.distinct().order_by("pk").values(*_BATCH):
        rows["batch" if row["event__id"] is None else "event", row["event__id"] or row["id"]].append(row)
    return [_group(batches) for batches in rows.values()]


def _group(rows: list[dict[str, Any]]) -> _Group:
    event = rows[0]
    settled = (
        all(row["state"] in FINISHED_BATCH for row in rows)
        and not event["event__kept"]
        and event["event__exported_at"] is None
        and event["event__analysis"] != Event.Analysis.PENDING
    )
    return _Group(
        CameraId(event["camera_id"]),
        tuple(row["id"] for row in rows),
        min(row["started_at"] for row in rows),
        max(row["ended_at"] for row in rows),
        settled and event["event__ended"] is not False,
        event["event__id"],
        event["event__deleted_at"] is not None,
    )


def _members(groups: Mapping[int, _Group], known: dict[int, StoredFile]) -> dict[_Group, list[StoredFile]]:
    """Return all uploads of each group, using rows that are already loaded. `groups` has the group of each batch."""
    links = list(Detection.objects.filter(batch_id__in=groups.keys()).values_list("batch_id", "upload_id").distinct())
    missing = {upload for _, upload in links} - known.keys()
    files = known | {file.id: file for file in _read(Upload.objects.filter(pk__in=missing))}
    members: defaultdict[_Group, dict[int, StoredFile]] = defaultdict(dict)
    for batch, upload in links:
        if upload in files:
            members[groups[batch]][upload] = files[upload]
    return {group: list(members[group].values()) for group in groups.values()}


def _alone(file: StoredFile) -> DeletionUnit:
    settled = file.state in Upload.FINISHED
    return DeletionUnit(file.camera, (file,), settled, file.captured_at, file.captured_at)


def _together(group: _Group, files: list[StoredFile]) -> DeletionUnit:
    settled = group.settled and all(file.state in Upload.FINISHED for file in files)
    files = sorted(files, key=lambda file: file.id)
    return DeletionUnit(
        group.camera, tuple(files), settled, group.started_at, group.ended_at, group.batches, group.event,
        in_trash=group.in_trash,
    )  # fmt: skip
