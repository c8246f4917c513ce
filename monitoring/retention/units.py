"""What retention removes in one piece: an upload alone, or a batch with its event and all its uploads."""

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

CHUNK = 200  # uploads looked at, and removed, at a time
FIELDS = (
    "id", "camera_id", "path", "size", "mtime_ns", "version_key", "thumbnail", "quarantine", "captured_at",
    "received_at", "state", "file_gone", "spool",
)  # fmt: skip
FINISHED_BATCH = (Batch.State.ANALYSED, Batch.State.DEAD)


@dataclass(frozen=True, slots=True)
class Piece:
    """What retention needs to know of an upload."""

    id: int
    camera: str
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
class Unit:
    """Goes as a whole or not at all. `settled`: its work is finished and nobody wants it kept."""

    camera: str
    pieces: tuple[Piece, ...]
    settled: bool
    started_at: datetime
    ended_at: datetime
    batch: int | None = None
    event: int | None = None
    in_trash: bool = False

    @property
    def bytes(self) -> int:
        """What its files take, as far as they are still there."""
        return sum(piece.size for piece in self.pieces if not piece.file_gone)

    @property
    def received_at(self) -> datetime:
        """When the last of it came."""
        return max((piece.received_at for piece in self.pieces), default=self.ended_at)


def pages(uploads: QuerySet[Upload], key: str, before: datetime) -> Iterator[list[Piece]]:
    """Uploads whose time in the column `key` is before `before`, oldest first, a chunk at a time.

    Walks by position, so that what stays is looked at once and memory does not depend on how much there is.
    """
    rows = uploads.filter(**{f"{key}__lt": before}).order_by(key, "id")
    page = _read(rows[:CHUNK])
    while page:
        yield page
        at, last = getattr(page[-1], key), page[-1].id
        page = _read(rows.filter(**{f"{key}__gte": at}).filter(Q(**{f"{key}__gt": at}) | Q(id__gt=last))[:CHUNK])


def _read(rows: QuerySet[Upload]) -> list[Piece]:
    return [Piece(*row) for row in rows.values_list(*FIELDS)]


def units_of(page: list[Piece], key: str) -> list[Unit]:
    """The units that begin in this page, oldest first. A batch begins with its first upload in the order of `key`."""
    batch_of = dict(
        Detection.objects.filter(upload_id__in=[piece.id for piece in page])
        .values_list("upload_id", "batch_id")
        .distinct()
    )
    members = _members(set(batch_of.values()), {piece.id: piece for piece in page})
    facts = _facts(members)
    found = []
    for piece in page:
        batch = batch_of.get(piece.id)
        if batch is None:
            found.append(_alone(piece))
        elif batch in facts and min(members[batch], key=lambda one: (getattr(one, key), one.id)).id == piece.id:
            found.append(_together(batch, members[batch], facts[batch]))
    return found


def empty_batches(before: datetime) -> Iterator[list[Unit]]:
    """Batches opened before `before` that hold no detection any more: their uploads went another way."""
    last = 0
    while rows := list(Batch.objects.filter(pk__gt=last, opened_at__lt=before).order_by("pk").values(*_BATCH)[:CHUNK]):
        last = rows[-1]["id"]
        held = set(
            Detection.objects.filter(batch_id__in=[row["id"] for row in rows]).values_list("batch_id", flat=True)
        )
        yield [_together(row["id"], [], row) for row in rows if row["id"] not in held]


def deleted_events(before: datetime) -> Iterator[list[Unit]]:
    """Those whose event is in the trash since before `before`."""
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


def _members(batches: set[int], known: dict[int, Piece]) -> dict[int, list[Piece]]:
    """All uploads of each batch, those of the page without a second look."""
    links = list(Detection.objects.filter(batch_id__in=batches).values_list("batch_id", "upload_id").distinct())
    missing = {upload for _, upload in links} - known.keys()
    pieces = known | {piece.id: piece for piece in _read(Upload.objects.filter(pk__in=missing))}
    members = defaultdict(list)
    for batch, upload in links:
        if upload in pieces:
            members[batch].append(pieces[upload])
    return members


def _facts(batches: Iterable[int]) -> dict[int, dict[str, Any]]:
    return {row["id"]: row for row in Batch.objects.filter(pk__in=list(batches)).values(*_BATCH)}


def _alone(piece: Piece) -> Unit:
    settled = piece.state in Upload.FINISHED
    return Unit(piece.camera, (piece,), settled, piece.captured_at, piece.captured_at)


def _together(batch: int, pieces: list[Piece], facts: dict[str, Any]) -> Unit:
    settled = (
        facts["state"] in FINISHED_BATCH
        and not facts["event__kept"]
        and facts["event__exported_at"] is None
        and facts["event__analysis"] != Event.Analysis.PENDING
        and all(piece.state in Upload.FINISHED for piece in pieces)
    )
    pieces = sorted(pieces, key=lambda piece: piece.id)
    return Unit(
        facts["camera_id"], tuple(pieces), settled, facts["started_at"], facts["ended_at"], batch, facts["event__id"],
        in_trash=facts["event__deleted_at"] is not None,
    )  # fmt: skip
