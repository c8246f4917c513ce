"""One file on its way in: what is known about it before its row exists."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO, Literal

from django.conf import settings
from django.utils import timezone

from cameras.files import thumbnails
from cameras.files.spool import SpoolCopy
from cameras.files.walk import stamp
from cameras.intake.camera_lookup import get_or_create_camera_for_path
from cameras.media import decoder, file_types, formats
from cameras.models import Camera, Upload, version_key


@dataclass(slots=True)
class IncomingFile:
    """`owner` is None until the file's folder, or its channel of a recorder, becomes a camera.

    `final`: waiting will not complete the file. `columns` are values of the upload's row, as they become known.
    `copy` is a copy in the spool that no row names yet. `replaces_accepted`: a file with this name was accepted before.
    """

    owner: Camera | None
    path: str
    size: int
    mtime_ns: int
    received_at: datetime
    final: bool
    ctime_ns: int = 0  # by this machine's clock; the writer cannot set it
    columns: dict[str, Any] = field(default_factory=dict)
    thumbnail_jpeg: bytes = b""
    exif_time: datetime | None = None  # naive, on the camera's clock
    copy: SpoolCopy | None = None
    replaces_accepted: bool = False

    @classmethod
    def from_status(cls, owner: Camera | None, path: str, status: os.stat_result, *, final: bool) -> IncomingFile:
        """Describe a file that arrives now."""
        return cls(owner, path, *stamp(status), timezone.now(), final, status.st_ctime_ns)

    @classmethod
    def from_upload(cls, upload: Upload) -> IncomingFile:
        """Describe the file of an existing upload as if it arrived now."""
        return cls(upload.camera, upload.path, upload.size, upload.mtime_ns, timezone.now(), final=True)

    @property
    def camera(self) -> Camera:
        if self.owner is None:
            self.owner = get_or_create_camera_for_path(self.path)
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

    @property
    def path_in_folder(self) -> str:
        """The path below the camera's folder."""
        return self.path.partition("/")[2]

    @property
    def sha256(self) -> str | None:
        """The hash of the content. None before `inspect`."""
        return self.columns.get("sha256")

    def inspect(self, file: BinaryIO) -> None:
        """Validate, hash and shrink the content, in the decoder process. Raise `MediaError`.

        A truncated clip is accepted if the file is `final`.
        """
        if _kind_from_content(file, self.name) == "image":
            self._inspect_picture(file)
        else:
            self._inspect_clip(file)

    def _inspect_picture(self, file: BinaryIO) -> None:
        picture = decoder.read_image(
            file, name=self.name, max_bytes=settings.IMAGE_MAX_BYTES, max_pixels=settings.IMAGE_MAX_PIXELS
        )
        self.columns |= {
            "kind": Upload.Kind.IMAGE, "sha256": picture.sha256, "width": picture.width, "height": picture.height,
        }  # fmt: skip
        self.thumbnail_jpeg, self.exif_time = picture.thumbnail, picture.exif_time

    def _inspect_clip(self, file: BinaryIO) -> None:
        clip = decoder.inspect_clip(
            file, name=self.name, max_bytes=settings.VIDEO_MAX_BYTES, max_pixels=settings.IMAGE_MAX_PIXELS
        )
        if clip.truncated and not self.final:
            raise formats.TruncatedError
        self.columns |= {
            "kind": Upload.Kind.VIDEO, "sha256": clip.sha256, "width": clip.width, "height": clip.height,
            "duration_seconds": clip.duration_seconds, "reason": "the clip is truncated" if clip.truncated else "",
        }  # fmt: skip
        self.thumbnail_jpeg = clip.thumbnail

    def store_thumbnail(self, camera_id: str) -> str:
        """Write the thumbnail. Return its path below the data folder."""
        return thumbnails.store_thumbnail(camera_id, self.columns["sha256"], self.version_key, self.thumbnail_jpeg)


def _kind_from_content(file: BinaryIO, name: str) -> Literal["image", "video"]:
    """Return the kind by the content of a file whose name promises a picture or a clip."""
    promised = formats.kind_from_name(name)
    if promised is None:
        raise formats.UnsupportedError(f"files of type {formats.extension(name)!r} are not supported")
    file.seek(0)
    try:
        return file_types.identify(file.read(file_types.HEAD_BYTES), name).kind
    except formats.MediaFaultError:
        formats.checked_size(file, settings.IMAGE_MAX_BYTES if promised == "image" else settings.VIDEO_MAX_BYTES)
        raise
