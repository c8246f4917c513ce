"""Which units are to go, and why: the limits that the operator has set, one rule each."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Sum

from cameras.models import Upload
from hsi import disk_space
from hsi.disk_space import Floor
from monitoring.retention.units import Unit, deleted_events, empty_batches, pages, units_of

FRESH = timedelta(hours=1)  # what came within this time is not removed for room: it is being looked at
FREE_FACTOR = 1.1  # a little more than the floor is made free, so that it is not crossed again at once


class Reason(enum.Enum):
    AGE = "older than RETENTION_DAYS"
    TRASH = "in the trash longer than TRASH_DAYS"
    REJECTED = "refused, older than RETENTION_REJECTED_DAYS"
    CAMERA_SIZE = "camera above RETENTION_CAMERA_MAX_BYTES"
    TOTAL_SIZE = "above RETENTION_TOTAL_MAX_BYTES"
    FREE_SPACE = "disk below RETENTION_FREE_BYTES or RETENTION_FREE_PERCENT"


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings as they are at the start of a run, for all of it.

    They may change meanwhile, and 0 means that there is no limit: read in the middle, it would let everything go.
    """

    days: int
    trash_days: int
    rejected_days: int
    camera_bytes: int
    total_bytes: int

    @classmethod
    def set_now(cls) -> Limits:
        return cls(
            settings.RETENTION_DAYS,
            settings.TRASH_DAYS,
            settings.RETENTION_REJECTED_DAYS,
            settings.RETENTION_CAMERA_MAX_BYTES,
            settings.RETENTION_TOTAL_MAX_BYTES,
        )


@dataclass(slots=True)
class Ledger:
    """What was there at the start of a run, and what of it has gone, so that no rule takes the same twice.

    `bytes_of` is filled only when a limit by size is set; `missing_bytes` is what the disk of the camera folder lacks.
    """

    bytes_of: dict[str, int] = field(default_factory=dict)
    missing_bytes: int = 0
    newest_gone: dict[str, tuple[datetime, int]] = field(default_factory=dict)

    @classmethod
    def measured(cls, limits: Limits) -> Ledger:
        limited = limits.camera_bytes or limits.total_bytes
        return cls(bytes_by_camera() if limited else {}, missing_bytes())

    def book(self, unit: Unit) -> None:
        self.missing_bytes -= unit.bytes
        if unit.camera in self.bytes_of:
            self.bytes_of[unit.camera] -= unit.bytes


@dataclass(frozen=True, slots=True)
class Rule:
    """Takes units until it has `enough`. For room (`key` is captured_at) it walks from the oldest on."""

    reason: Reason
    now: datetime
    limits: Limits
    camera: str = ""

    def enough(self, ledger: Ledger) -> bool:
        if self.reason is Reason.CAMERA_SIZE:
            return bool(ledger.bytes_of.get(self.camera, 0) <= self.limits.camera_bytes)
        if self.reason is Reason.TOTAL_SIZE:
            return bool(sum(ledger.bytes_of.values()) <= self.limits.total_bytes)
        return self.reason is Reason.FREE_SPACE and ledger.missing_bytes <= 0

    def takes(self, unit: Unit, ledger: Ledger) -> bool:
        """Whether this unit is to go by this rule, and by none that came before."""
        if not unit.settled:
            return False
        if self.reason is Reason.TRASH:
            return not self.is_old(unit)
        if self.reason in (Reason.AGE, Reason.REJECTED):
            return self.is_old(unit) if self.reason is Reason.AGE else self.is_refused(unit)
        if self.is_old(unit) or self.is_refused(unit) or unit.received_at >= self.now - FRESH:
            return False
        gone = ledger.newest_gone.get(unit.camera)
        return bool(unit.pieces) and (gone is None or position(unit) > gone)

    def pages(self) -> Iterator[list[Unit]]:
        uploads = Upload.objects.filter(camera=self.camera) if self.camera else Upload.objects.all()
        if self.reason is Reason.AGE:
            before = self.now - timedelta(days=self.limits.days)
            yield from (units_of(page, "received_at") for page in pages(uploads, "received_at", before))
            yield from empty_batches(before)
        elif self.reason is Reason.TRASH:
            yield from deleted_events(self.now - timedelta(days=self.limits.trash_days))
        elif self.reason is Reason.REJECTED:
            before = self.now - timedelta(days=self.limits.rejected_days)
            refused = uploads.filter(state=Upload.State.REJECTED)
            yield from (units_of(page, "received_at") for page in pages(refused, "received_at", before))
        else:
            yield from (units_of(page, "captured_at") for page in pages(uploads, "captured_at", self.now))

    def is_old(self, unit: Unit) -> bool:
        """By when it happened and by when it came: an archive that was copied in is not removed the day it arrives."""
        before = self.now - timedelta(days=self.limits.days)
        return bool(self.limits.days) and unit.received_at < before and unit.ended_at < before

    def is_refused(self, unit: Unit) -> bool:
        days = self.limits.rejected_days
        refused = any(piece.state == Upload.State.REJECTED for piece in unit.pieces)
        return bool(days) and refused and unit.received_at < self.now - timedelta(days=days)


def rules(now: datetime, ledger: Ledger, limits: Limits) -> Iterator[Rule]:
    """Every rule with a limit, in the order they are applied."""
    if limits.days:
        yield Rule(Reason.AGE, now, limits)
    yield Rule(Reason.TRASH, now, limits)
    if limits.rejected_days:
        yield Rule(Reason.REJECTED, now, limits)
    if limits.camera_bytes:
        yield from (Rule(Reason.CAMERA_SIZE, now, limits, camera) for camera in sorted(ledger.bytes_of))
    if limits.total_bytes:
        yield Rule(Reason.TOTAL_SIZE, now, limits)
    yield Rule(Reason.FREE_SPACE, now, limits)


def position(unit: Unit) -> tuple[datetime, int]:
    """Where the unit stands in the order by capture time."""
    return min((piece.captured_at, piece.id) for piece in unit.pieces)


def bytes_by_camera() -> dict[str, int]:
    """What the files of each camera take. Read from an index that holds just this."""
    rows = Upload.objects.filter(file_gone=False).order_by().values_list("camera").annotate(Sum("size"))
    return dict(rows)


def missing_bytes() -> int:
    """What the disk of the camera folder lacks to have the free room that retention keeps; 0 when it lacks none.

    Our own data may lie on another disk. No recording is removed for that one: it would free next to nothing.
    """
    floor = Floor(settings.RETENTION_FREE_BYTES, settings.RETENTION_FREE_PERCENT)
    if not disk_space.missing_bytes([settings.CAMERA_ROOT], floor):
        return 0
    return disk_space.missing_bytes([settings.CAMERA_ROOT], floor.scaled(FREE_FACTOR))
