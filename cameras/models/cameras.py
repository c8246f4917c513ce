"""Where pictures come from: cameras, who may see them, and every file they uploaded."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, Q
from django.utils import timezone

from cameras.intake.recorder_channels import validate_pattern
from cameras.vendors import choices
from hsi.db import sql


def validate_time_zone(value: str) -> None:
    if value and value not in available_timezones():
        raise ValidationError(f"{value!r} is not a time zone such as Europe/Berlin.")


LONGEST_CORRECTION_SECONDS = 26 * 3600  # from one end of the world's zones to the other
REPEATS = "the same bytes came before"
GONE = "FileGoneError"  # how the reason of an upload begins whose file was gone
SHORTEST_INTERVAL_SECONDS, LONGEST_INTERVAL_SECONDS = 60, 30 * 24 * 3600


class CameraQuerySet(models.QuerySet["Camera"]):
    def with_last_upload(self) -> CameraQuerySet:
        """Each camera with `last_upload_id` and `last_captured_at` of its newest usable picture."""
        newest = Upload.objects.filter(camera=models.OuterRef("pk"), state__in=Upload.USABLE).order_by(
            "-captured_at", "-id"
        )
        return self.annotate(
            last_upload_id=models.Subquery(newest.values("id")[:1]),
            last_captured_at=models.Subquery(newest.values("captured_at")[:1]),
        )


class Camera(models.Model):
    """One camera: a folder below the camera root, and what we call it."""

    id = models.SlugField(primary_key=True, max_length=64)
    name = models.CharField(max_length=120)
    folder = models.TextField(unique=True, help_text="First folder below the camera root, as written there.")
    time_zone = models.CharField(
        max_length=64, blank=True, validators=[validate_time_zone], help_text="Empty: the site's time zone."
    )
    clock_correction_seconds = models.IntegerField(
        default=0, blank=True, help_text="Added to the time that its names tell, for a clock that cannot be set right.",
        validators=[MinValueValidator(-LONGEST_CORRECTION_SECONDS), MaxValueValidator(LONGEST_CORRECTION_SECONDS)],
    )  # fmt: skip
    clock_offset_seconds = models.IntegerField(
        null=True, editable=False, help_text="By how much its clock is steadily ahead; below zero: behind."
    )
    channel_pattern = models.CharField(
        max_length=120, blank=True, validators=[validate_pattern],
        help_text="For a recorder: where names tell the channel, such as NVR_{channel}_. Each is a camera of its own.",
    )  # fmt: skip
    make = models.CharField(
        max_length=20, blank=True, choices=choices,
        help_text="Its maker, for what to enter in its menu. Changes nothing.",
    )  # fmt: skip
    expected_interval_seconds = models.PositiveIntegerField(
        null=True, blank=True,
        validators=[MinValueValidator(SHORTEST_INTERVAL_SECONDS), MaxValueValidator(LONGEST_INTERVAL_SECONDS)],
        help_text="Silent for longer than this, it is told as offline. Empty: it may be silent as long as it likes.",
    )  # fmt: skip
    silent_since = models.DateTimeField(
        null=True, editable=False, help_text="When it sent its last file, while it is silent for too long."
    )
    enabled = models.BooleanField(default=True, help_text="A paused camera's files wait in their folder.")
    reuses_names = models.BooleanField(
        default=False, db_default=False, editable=False,
        help_text="It was seen to overwrite a file, so each one is copied as it comes.",
    )  # fmt: skip
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = CameraQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Take an emptied field of a form for no correction."""
        self.clock_correction_seconds = self.clock_correction_seconds or 0

    @property
    def root_folder(self) -> str:
        """Its folder below the camera root; for a channel of a recorder that of the recorder."""
        return self.folder.partition("/")[0]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone or settings.TIME_ZONE)

    def fell_silent(self, since: datetime, last_upload: int) -> bool:
        """Note, once, that it sent nothing after the upload `last_upload` (0: ever). False: it did, or it is noted."""
        newer = Upload.objects.filter(camera=self.pk, pk__gt=last_upload)
        expected = Camera.objects.filter(enabled=True, expected_interval_seconds__isnull=False, silent_since=None)
        noted = expected.filter(~Exists(newer), pk=self.pk).update(silent_since=since)
        self.silent_since = since if noted else self.silent_since
        return bool(noted)

    def spoke(self) -> bool:
        """Note, once, that it is silent no more. False: somebody else did, or it was not silent."""
        return self.silent_since is not None and sql.update(
            self, {"silent_since": None}, only_if="silent_since IS NOT NULL"
        )


class CameraGrant(models.Model):
    """A user or a group may see a camera. Administrators see all cameras without a grant."""

    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="grants")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="camera_grants"
    )
    group = models.ForeignKey(Group, on_delete=models.CASCADE, null=True, blank=True, related_name="camera_grants")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(user__isnull=False, group__isnull=True) | Q(user__isnull=True, group__isnull=False),
                name="cameragrant_user_or_group",
            ),
            models.UniqueConstraint(fields=["camera", "user"], name="cameragrant_once_a_user"),
            models.UniqueConstraint(fields=["camera", "group"], name="cameragrant_once_a_group"),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.group}: {self.camera}"


class Zone(models.Model):
    """An area of a camera's picture; `cameras.zones` says what lies in it. Its id is unique over all cameras."""

    id = models.SlugField(primary_key=True, max_length=64)
    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="zones")
    name = models.CharField(max_length=120)
    polygon = models.JSONField(help_text="Corners as [x, y] in 0 to 1, the origin at the top left.")
    kind = models.CharField(max_length=40, blank=True, help_text="What it is, in a word of your own.")
    enabled = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1, editable=False, help_text="Counts its changes.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class UploadQuerySet(models.QuerySet["Upload"]):
    def waiting(self) -> UploadQuerySet:
        return self.filter(state=Upload.State.WAITING)


class Upload(models.Model):
    """One file that a camera uploaded, known by its content, and how it ended.

    `path`, `size` and `mtime_ns` say where it was last seen, and follow it when it is moved or touched.
    `version_key` is made of them: what is found again as it was is not read again. With the camera it is unique,
    so that two watchers and a restart make one row. `dedupe_key` is the SHA-256 while this row is the one
    that a repeat of the same bytes is a duplicate of.
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

    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="uploads")
    path = models.TextField(help_text="Below the camera root, undecodable bytes as \\xNN.")
    kind = models.CharField(max_length=5, choices=Kind, default=Kind.IMAGE)
    size = models.BigIntegerField()
    mtime_ns = models.BigIntegerField()
    version_key = models.CharField(max_length=64)
    sha256 = models.CharField(max_length=64, blank=True)
    dedupe_key = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001 (NULLs are distinct)
    duplicate_of = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="repeats")
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    duration_seconds = models.FloatField(null=True, blank=True)
    thumbnail = models.CharField(max_length=200, blank=True, help_text="Below the data folder.")
    captured_at = models.DateTimeField()
    captured_at_source = models.CharField(max_length=7, choices=TimeSource)
    clock_skew = models.BooleanField(default=False, help_text="The camera's clock was too far off to be believed.")
    named_ahead_seconds = models.IntegerField(
        null=True, editable=False, help_text="The time that its name tells, read as UTC, minus its arrival."
    )
    received_at = models.DateTimeField()
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    reason = models.CharField(max_length=300, blank=True, help_text="Why it was rejected or failed.")
    quarantine = models.CharField(max_length=600, blank=True, help_text="A rejected file, below the data folder.")
    attempts = models.PositiveIntegerField(default=0)
    detector = models.CharField(max_length=120, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    spool = models.CharField(
        max_length=200, blank=True, db_default="", default="", editable=False,
        help_text="A copy of the file until it is analysed, below the data folder.",
    )  # fmt: skip
    file_gone = models.BooleanField(
        default=False, editable=False, help_text="The file was removed or overwritten after it was taken in."
    )

    objects = UploadQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version_key", "camera"], name="upload_one_row_a_version"),
            models.UniqueConstraint(fields=["camera", "dedupe_key"], name="upload_one_original"),
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
        """Move from `only_from` to a final `state`, once. False: somebody else was first."""
        values |= {"state": state, "finished_at": timezone.now()}
        return sql.update(self, values, only_if=f"state='{only_from}'")


class Garbage(models.Model):
    """A file that no row names any more and that is still to be unlinked.

    Written in the transaction that deletes the file's row, deleted after the unlink: whatever dies
    between leaves a row that says what is to be done. While it is there, intake takes no file of this
    version for a new one. `size` and `mtime_ns` are of the version that may be removed; None: any.
    """

    class Root(models.TextChoices):
        CAMERAS = "cameras", "camera folder"
        DATA = "data", "data folder"

    root = models.CharField(max_length=7, choices=Root)
    path = models.TextField(help_text="Below its root, undecodable bytes as \\xNN.")
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


def version_key(path: str, size: int, mtime_ns: int) -> str:
    """One version of one file: SHA-256 over its path, size and modification time."""
    return hashlib.sha256(f"{path}\0{size}\0{mtime_ns}".encode()).hexdigest()
