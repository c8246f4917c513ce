"""One file on its way in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cameras import spool, thumbnails
from cameras.models import Camera, version_key
from cameras.registry import create_camera


@dataclass(slots=True)
class Arrival:
    """One file on its way in. `owner` is None until a folder that is no camera's yet becomes one."""

    owner: Camera | None
    path: str
    size: int
    mtime_ns: int
    received_at: datetime
    final: bool  # it will not heal by waiting
    facts: dict[str, Any] = field(default_factory=dict)  # columns of the upload, as they become known
    thumbnail: bytes = b""
    exif_time: datetime | None = None
    copy: spool.Copy | None = None  # made for this file, and named by no row yet

    @property
    def camera(self) -> Camera:
        if self.owner is None:
            self.owner = create_camera(self.path.partition("/")[0])
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
