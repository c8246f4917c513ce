"""One file on its way in."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from cameras.files import spool
from cameras.files.tree import stamp
from cameras.intake.reading import Found
from cameras.media import thumbnails
from cameras.models import Camera, version_key
from cameras.registry import make_camera_of


@dataclass(slots=True)
class Arrival:
    """One file on its way in. `owner` is None until its folder, or its channel of a recorder, becomes a camera."""

    owner: Camera | None
    path: str
    size: int
    mtime_ns: int
    received_at: datetime
    final: bool  # it will not heal by waiting
    changed_ns: int = 0  # by the clock of this machine, whatever time its writer gave it
    facts: dict[str, Any] = field(default_factory=dict)  # columns of the upload, as they become known
    thumbnail: bytes = b""
    exif_time: datetime | None = None
    clock_off: timedelta | None = None  # see `clocks.Moment`
    copy: spool.Copy | None = None  # made for this file, and named by no row yet
    overwrites: bool = False  # a file of this name was taken in before

    @classmethod
    def now(cls, owner: Camera | None, path: str, status: os.stat_result, *, final: bool) -> Arrival:
        return cls(owner, path, *stamp(status), timezone.now(), final, status.st_ctime_ns)

    def learn(self, found: Found) -> None:
        self.facts |= found.facts
        self.thumbnail, self.exif_time = found.thumbnail, found.exif_time

    @property
    def camera(self) -> Camera:
        if self.owner is None:
            self.owner = make_camera_of(self.path)
        return self.owner

    @property
    def owner_id(self) -> str:
        return self.owner.pk if self.owner is not None else ""

    @property
    def version_key(self) -> str:
        return version_key(self.path, self.size, self.mtime_ns)

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    def store_thumbnail(self, camera: str) -> str:
        return thumbnails.store(camera, self.facts["sha256"], self.version_key, self.thumbnail)
