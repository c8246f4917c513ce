"""Retention rules: one for each configured limit, which selects the units to remove."""

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
from monitoring.retention.units import DeletionUnit, deleted_events, empty_batches, pages, units_of

FRESH = timedelta(hours=1)  # newer uploads are not removed to free space, because they are being processed
FREE_FACTOR = 1.1  # frees a little more than the limit, so that the next upload does not cross it


class Reason(enum.Enum):
    AGE = "older than RETENTION_DAYS"
    TRASH = "in the trash longer than TRASH_DAYS"
    REJECTED = "refused, older than RETENTION_REJECTED_DAYS"
    CAMERA_SIZE = "camera above RETENTION_CAMERA_MAX_BYTES"
    TOTAL_SIZE = "above RETENTION_TOTAL_MAX_BYTES"
    FREE_SPACE = "disk below RETENTION_FREE_BYTES or RETENTION_FREE_PERCENT"


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings at the start of a run.

    Settings may change during the run, and 0 means "no limit": a change in between could remove everything.
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
class UsageBudget:
    """Disk usage during a run, updated with each removal, so that no rule counts a unit twice.

    `bytes_of` is set only with a size limit. `missing_bytes` is the space to free on the disk of the camera folder.
    """

    bytes_of: dict[str, int] = field(default_factory=dict)
    missing_bytes: int = 0
    newest_gone: dict[str, tuple[datetime, int]] = field(default_factory=dict)

    @classmethod
    def measured(cls, limits: Limits) -> UsageBudget:
        limited = limits.camera_bytes or limits.total_bytes
        return cls(bytes_by_camera() if limited else {}, missing_bytes())

    def book(self, unit: DeletionUnit) -> None:
        self.missing_bytes -= unit.bytes
        if unit.camera in self.bytes_of:
            self.bytes_of[unit.camera] -= unit.bytes


@dataclass(frozen=True, slots=True)
class Rule:
    """Selects units until it has `enough`. Rules for space go through all units by capture time."""

    reason: Reason
    now: datetime
    limits: Limits
    camera: str = ""

    def enough(self, budget: UsageBudget) -> bool:
        if self.reason is Reason.CAMERA_SIZE:
            return bool(budget.bytes_of.get(self.camera, 0) <= self.limits.camera_bytes)
        if self.reason is Reason.TOTAL_SIZE:
            return bool(sum(budget.bytes_of.values()) <= self.limits.total_bytes)
        return self.reason is Reason.FREE_SPACE and budget.missing_bytes <= 0

    def takes(self, unit: DeletionUnit, budget: UsageBudget) -> bool:
        """Return whether this rule removes the unit, and no earlier rule does."""
        if not unit.settled:
            return False
        if self.reason is Reason.TRASH:
            return not self.is_old(unit)
        if self.reason in (Reason.AGE, Reason.REJECTED):
            return self.is_old(unit) if self.reason is Reason.AGE else self.is_refused(unit)
        if self.is_old(unit) or self.is_refused(unit) or unit.received_at >= self.now - FRESH:
            return False
        gone = budget.newest_gone.get(unit.camera)
        return bool(unit.files) and (gone is None or position(unit) > gone)

    def pages(self) -> Iterator[list[DeletionUnit]]:
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

    def is_old(self, unit: DeletionUnit) -> bool:
        """Compare capture and arrival time, so that a copied archive is not removed on the day it arrives."""
        before = self.now - timedelta(days=self.limits.days)
        return bool(self.limits.days) and unit.received_at < before and unit.ended_at < before

    def is_refused(self, unit: DeletionUnit) -> bool:
        days = self.limits.rejected_days
        refused = any(file.state == Upload.State.REJECTED for file in unit.files)
        return bool(days) and refused and unit.received_at < self.now - timedelta(days=days)


def rules(now: datetime, budget: UsageBudget, limits: Limits) -> Iterator[Rule]:
    """Yield the rules with a limit, in order."""
    if limits.days:
        yield Rule(Reason.AGE, now, limits)
    yield Rule(Reason.TRASH, now, limits)
    if limits.rejected_days:
        yield Rule(Reason.REJECTED, now, limits)
    if limits.camera_bytes:
        yield from (Rule(Reason.CAMERA_SIZE, now, limits, camera) for camera in sorted(budget.bytes_of))
    if limits.total_bytes:
        yield Rule(Reason.TOTAL_SIZE, now, limits)
    yield Rule(Reason.FREE_SPACE, now, limits)


def position(unit: DeletionUnit) -> tuple[datetime, int]:
    """Return the sort key of a unit by capture time."""
    return min((file.captured_at, file.id) for file in unit.files)


def bytes_by_camera() -> dict[str, int]:
    """Sum the file sizes by camera, from a covering index."""
    rows = Upload.objects.filter(file_gone=False).order_by().values_list("camera").annotate(Sum("size"))
    return dict(rows)


def missing_bytes() -> int:
    """Return how many bytes must be freed on the disk of the camera folder.

    The data folder may be on another disk, where removing recordings would free almost nothing.
    """
    floor = Floor(settings.RETENTION_FREE_BYTES, settings.RETENTION_FREE_PERCENT)
    if not disk_space.missing_bytes([settings.CAMERA_ROOT], floor):
        return 0
    return disk_space.missing_bytes([settings.CAMERA_ROOT], floor.scaled(FREE_FACTOR))
