"""Uploads: every file that a camera sent, and the files that are waiting to be deleted."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from hsi.db import sql

DUPLICATE_REASON = "the same bytes came before"
FILE_GONE_REASON = "FileGoneError"  # the reason of an upload whose file was gone starts with this


def version_key(path: str, size: int, mtime_ns: int) -> str:
    """Identify one version of one file: SHA-256 over its path, size and modification time."""
    return hashlib.sha256(f"{path}\0{size}\0{mtime_ns}".encode()).hexdigest()


class UploadQuerySet(models.QuerySet["Upload"]):
    def waiting(self) -> UploadQuerySet:
        return self.filter(state=Upload.State.WAITING)

    def rejected(self) -> UploadQuerySet:
        return self.filter(state=Upload.State.REJECTED)

    def dead(self) -> UploadQuerySet:
        return self.filter(state=Upload.State.DEAD)

    def usable(self) -> UploadQuerySet:
        """Uploads that have a picture to show."""
        return self.filter(state__in=Upload.USABLE)

    def spooled(self) -> UploadQuerySet:
        """Uploads with a copy in the spool."""
        return self.exclude(spool="")

    def newest_capture_first(self) -> UploadQuerySet:
        return self.order_by("-captured_at", "-id")

    def release_dedup_key(self) -> int:
        """Let later files with the same bytes be uploads of their own."""
        return self.update(dedup_key=None)


class Upload(models.Model):
    """One file that a camera uploaded, identified by its content, and its result.

    `path`, `size` and `mtime_ns` say where the file was last seen. They follow it when it is moved or touched.
    `version_key` is computed from them, so that an unchanged file is not read again. It is unique per camera, so that
    two watchers or a restart create one row. `dedup_key` is the SHA-256 while later files with the same bytes are
    duplicates of this row.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        DETECTED = "detected", "objects found"
        EMPTY = "empty", "nothing found"
        DUPLICATE = "duplicate", "duplicate"
        REJECTED = "rejected", "rejected"
        DEAD = "dead", "failed"

    class Kind(models.TextChoices):
        IMAGE = "image", "picture"
        VIDEO = "video", "clip"

    class TimeSource(models.TextChoices):
        NAME = "name", "file name"
        EXIF = "exif", "EXIF"
        MTIME = "mtime", "file time"
        ARRIVAL = "arrival", "arrival"

    USABLE: ClassVar = (State.WAITING, State.DETECTED, State.EMPTY, State.DEAD)
    FINISHED: ClassVar = (State.DETECTED, State.EMPTY, State.DUPLICATE, State.REJECTED, State.DEAD)

    # It is the first column of several indexes below, so it needs none alone.
    camera = models.ForeignKey("cameras.Camera", on_delete=models.CASCADE, related_name="uploads", db_index=False)
    path = models.TextField(help_text="Path below the camera root. Undecodable bytes are written as \\xNN.")
    kind = models.CharField(max_length=5, choices=Kind, default=Kind.IMAGE)
    size = models.BigIntegerField()
    mtime_ns = models.BigIntegerField()
    version_key = models.CharField(max_length=64)
    sha256 = models.CharField(max_length=64, blank=True)
    dedup_key = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001 (NULLs are distinct)
    duplicate_of = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="repeats")
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    duration_seconds = models.FloatField(null=True, blank=True)
    thumbnail = models.CharField(max_length=200, blank=True, help_text="Path below the data folder.")
    captured_at = models.DateTimeField()
    captured_at_source = models.CharField(max_length=7, choices=TimeSource)
    clock_skew = models.BooleanField(
        default=False, help_text="The camera's clock was so wrong that the arrival time is used instead."
    )
    named_ahead_seconds = models.IntegerField(
        null=True, editable=False, help_text="The time in the file name, read as UTC, minus the arrival time."
    )
    received_at = models.DateTimeField()
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    reason = models.CharField(max_length=300, blank=True, help_text="Why it was rejected or failed.")
    quarantine = models.CharField(
        max_length=600, blank=True, help_text="Path of a rejected file below the data folder."
    )
    attempts = models.PositiveIntegerField(default=0)
    detector = models.CharField(max_length=120, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    spool = models.CharField(
        max_length=200, blank=True, db_default="", default="", editable=False,
        help_text="Path of a copy below the data folder. The copy is kept until the file is analysed.",
    )  # fmt: skip
    file_gone = models.BooleanField(
        default=False, editable=False, help_text="The file was deleted or overwritten after it was accepted."
    )

    objects = UploadQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version_key", "camera"], name="upload_one_row_a_version"),
            models.UniqueConstraint(fields=["camera", "dedup_key"], name="upload_one_original"),
            models.CheckConstraint(
                condition=Q(state="waiting", finished_at__isnull=True)
                | (~Q(state="waiting") & Q(finished_at__isnull=False)),
                name="upload_finished_when_not_waiting",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["camera", "-captured_at", "-id"], name="upload_camera_time"),
            models.Index(fields=["-captured_at", "-id"], name="upload_time"),
            models.Index(fields=["id"], condition=Q(state="waiting"), name="upload_waiting"),
            models.Index(fields=["received_at", "id"], name="upload_received"),
            models.Index(fields=["received_at", "id"], condition=Q(state="rejected"), name="upload_rejected"),
            models.Index(fields=["camera", "size"], condition=Q(file_gone=False), name="upload_camera_size"),
            models.Index(fields=["sha256", "id"], name="upload_content"),
            models.Index(fields=["id"], condition=~Q(spool=""), name="upload_spooled"),
        ]

    def __str__(self) -> str:
        return f"{self.camera_id}: {self.path}"

    def finish(self, state: State, *, only_from: State = State.WAITING, **values: Any) -> bool:
        """Move from `only_from` to the final `state`. Return False if another process already did."""
        values |= {"state": state, "finished_at": timezone.now()}
        return sql.update(self, values, only_if=f"state='{only_from}'")

    def follow_file(self, path: str, mtime_ns: int, *, thumbnail: str = "") -> None:
        """Record the file's new path and time. Raise `IntegrityError` if another row has this version already.

        `thumbnail` replaces the old one unless it is empty.
        """
        values: dict[str, Any] = {
            "path": path, "mtime_ns": mtime_ns, "version_key": version_key(path, self.size, mtime_ns),
            "file_gone": False,
        }  # fmt: skip
        sql.update(self, values | ({"thumbnail": thumbnail} if thumbnail else {}))

    def mark_overwritten(self) -> None:
        """Record that another file has taken this name, size and time. The new file needs the version key."""
        released_key = version_key(f"{self.version_key}\0{self.sha256}", self.size, self.mtime_ns)
        Upload.objects.filter(pk=self.pk).update(version_key=released_key, file_gone=True)

    def attach_copy(self, path: str) -> bool:
        """Record the copy at `path`. Return False if the upload has a copy already, or is no longer waiting."""
        is_attached = bool(Upload.objects.waiting().filter(pk=self.pk, spool="").update(spool=path))
        if is_attached:
            self.spool = path
        return is_attached

    def detach_copy(self) -> None:
        """Record that the copy was deleted."""
        Upload.objects.filter(pk=self.pk, spool=self.spool).update(spool="")
        self.spool = ""

    def update_rejection(self, reason: str, quarantine: str) -> None:
        """Record a new reason for a rejected upload, and where its file is or will be moved."""
        Upload.objects.rejected().filter(pk=self.pk).update(reason=reason, quarantine=quarantine)

    def withdraw_rejection(self, **values: Any) -> bool:
        """Give a rejected upload its new state and columns. Return False if another process already did."""
        return bool(Upload.objects.rejected().filter(pk=self.pk).update(**values))


class Garbage(models.Model):
    """A file without a row that still has to be deleted.

    It is created in the transaction that deletes the file's row, and deleted after the unlink. A crash in between
    leaves a record of what remains to be done. While it exists, intake does not accept this version of the file again.
    `size` and `mtime_ns` restrict the deletion to one version. None allows any version.
    """

    class Root(models.TextChoices):
        CAMERAS = "cameras", "camera folder"
        DATA = "data", "data folder"

    root = models.CharField(max_length=7, choices=Root)
    path = models.TextField(help_text="Path below the root. Undecodable bytes are written as \\xNN.")
    size = models.BigIntegerField(null=True, blank=True)
    mtime_ns = models.BigIntegerField(null=True, blank=True)
    version_key = models.CharField(max_length=64, blank=True, db_index=True)
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now, db_index=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "garbage"

    def __str__(self) -> str:
        return f"{self.root}: {self.path}"
