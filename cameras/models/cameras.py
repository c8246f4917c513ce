"""Cameras, and who may see them."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, Q
from django.utils import timezone

from cameras.labels import validate_labels, validate_shares
from cameras.models.uploads import Upload
from cameras.naming.recorder_channels import validate_pattern
from cameras.vendors import choices
from hsi.db import sql

MAX_CLOCK_CORRECTION_SECONDS = 26 * 3600  # the largest difference between two time zones
MIN_INTERVAL_SECONDS, MAX_INTERVAL_SECONDS = 60, 30 * 24 * 3600


def validate_time_zone(value: str) -> None:
    """Raise `ValidationError` unless `value` is empty or the name of a time zone."""
    if value and value not in available_timezones():
        raise ValidationError(f"{value!r} is not a time zone such as Europe/Berlin.")


class CameraQuerySet(models.QuerySet["Camera"]):
    def with_last_upload(self) -> CameraQuerySet:
        """Add `last_upload_id` and `last_captured_at` of the newest usable upload."""
        newest = Upload.objects.usable().filter(camera=models.OuterRef("pk")).newest_capture_first()
        return self.annotate(
            last_upload_id=models.Subquery(newest.values("id")[:1]),
            last_captured_at=models.Subquery(newest.values("captured_at")[:1]),
        )

    def expecting_uploads(self) -> CameraQuerySet:
        """Cameras that are on and should upload at least once per interval."""
        return self.filter(enabled=True, expected_interval_seconds__isnull=False)

    def offline(self) -> CameraQuerySet:
        return self.exclude(offline_since=None)


class Camera(models.Model):
    """One camera: a folder below the camera root, and its settings."""

    class Place(models.TextChoices):
        STREET = "street", "street"
        ENTRANCE = "entrance", "entrance"
        DRIVEWAY = "driveway", "driveway"
        PRIVATE = "private", "private ground"
        INDOOR = "indoor", "indoors"

    class View(models.TextChoices):
        """What the pictures show as a whole. The detection decides."""

        OK = "ok", "ok"
        FROZEN = "frozen", "frozen"
        BLACK = "black", "black"
        COVERED = "covered", "covered"
        BLURRED = "blurred", "blurred"
        TURNED = "turned", "turned"

    id = models.SlugField(primary_key=True, max_length=64)
    name = models.CharField(max_length=120)
    folder = models.TextField(unique=True, help_text="First folder below the camera root, spelled as on disk.")
    time_zone = models.CharField(
        max_length=64, blank=True, validators=[validate_time_zone],
        help_text="The camera's own time zone. Leave empty for the site's time zone.",
    )  # fmt: skip
    clock_correction_seconds = models.IntegerField(
        default=0, blank=True,
        help_text="Seconds added to the time in file names. Use it for a clock that cannot be set.",
        validators=[
            MinValueValidator(-MAX_CLOCK_CORRECTION_SECONDS), MaxValueValidator(MAX_CLOCK_CORRECTION_SECONDS),
        ],
    )  # fmt: skip
    clock_offset_seconds = models.IntegerField(
        null=True, editable=False,
        help_text="Seconds by which the camera's clock is steadily ahead. Negative: behind.",
    )  # fmt: skip
    channel_pattern = models.CharField(
        max_length=120, blank=True, validators=[validate_pattern],
        help_text="For a recorder: where file names hold the channel, such as NVR_{channel}_. Each channel becomes"
        " a camera of its own.",
    )  # fmt: skip
    vendor = models.CharField(
        max_length=20, blank=True, choices=choices,
        help_text="The vendor. It decides only which set-up instructions are shown.",
    )  # fmt: skip
    expected_interval_seconds = models.PositiveIntegerField(
        null=True, blank=True,
        validators=[MinValueValidator(MIN_INTERVAL_SECONDS), MaxValueValidator(MAX_INTERVAL_SECONDS)],
        help_text="Mark the camera offline after this many seconds without a file. Leave empty to disable.",
    )  # fmt: skip
    place = models.CharField(
        max_length=8, blank=True, choices=Place, help_text="What the camera looks at. It does not change what counts."
    )
    labels = models.JSONField(
        default=list, blank=True, validators=[validate_labels],
        help_text="Labels and groups of labels that count here. Leave empty for the site's list.",
    )  # fmt: skip
    thresholds = models.JSONField(
        default=dict, blank=True, validators=[validate_shares],
        help_text="Lowest confidence that counts here, by label or group. It comes before the site's.",
    )  # fmt: skip
    min_sizes = models.JSONField(
        default=dict, blank=True, validators=[validate_shares],
        help_text="Smallest size that counts here, by label or group, as a share of the picture's area.",
    )  # fmt: skip
    max_sizes = models.JSONField(
        default=dict, blank=True, validators=[validate_shares],
        help_text="Largest size that counts here, by label or group, as a share of the picture's area.",
    )  # fmt: skip
    offline_since = models.DateTimeField(
        null=True, editable=False, help_text="When an offline camera sent its last file."
    )
    view = models.CharField(
        max_length=7, choices=View, default=View.OK, db_default=View.OK, editable=False,
        help_text="What is wrong with the pictures.",
    )  # fmt: skip
    view_since = models.DateTimeField(null=True, editable=False, help_text="When `view` last changed.")
    enabled = models.BooleanField(default=True, help_text="The files of a paused camera wait in their folder.")
    reuses_names = models.BooleanField(
        default=False, db_default=False, editable=False,
        help_text="The camera overwrites its files, so each file is copied when it arrives.",
    )  # fmt: skip
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = CameraQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Treat an emptied form field as no correction."""
        self.clock_correction_seconds = self.clock_correction_seconds or 0

    @property
    def root_folder(self) -> str:
        """The camera's folder below the camera root. For a channel of a recorder: the recorder's folder."""
        return self.folder.partition("/")[0]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone or settings.TIME_ZONE)

    def mark_offline(self, since: datetime, last_upload_id: int) -> bool:
        """Record that nothing came after the upload `last_upload_id` (0: no upload at all).

        Return False if a newer upload exists, or the camera is offline already or not expected to upload.
        """
        newer = Upload.objects.filter(camera=self.pk, pk__gt=last_upload_id)
        online = Camera.objects.expecting_uploads().filter(~Exists(newer), pk=self.pk, offline_since=None)
        is_marked = bool(online.update(offline_since=since))
        if is_marked:
            self.offline_since = since
        return is_marked

    def mark_online(self) -> bool:
        """Record that the camera is not offline. Return False if it was not, or another process recorded it."""
        return self.offline_since is not None and sql.update(
            self, {"offline_since": None}, only_if="offline_since IS NOT NULL"
        )

    def set_view(self, view: View, since: datetime | None) -> None:
        """Record what the pictures show since then."""
        sql.update(self, {"view": view, "view_since": since})

    def mark_reuses_names(self) -> bool:
        """Record that the camera overwrites its files. Return False if that was known."""
        is_new = not self.reuses_names and bool(
            Camera.objects.filter(pk=self.pk, reuses_names=False).update(reuses_names=True)
        )
        self.reuses_names = True
        return is_new

    def set_clock_offset(self, seconds: int | None) -> bool:
        """Record by how much the clock is ahead; None: it is right. Return False if that was known."""
        if self.clock_offset_seconds == seconds:
            return False
        return sql.update(self, {"clock_offset_seconds": seconds})


class CameraGrant(models.Model):
    """Let a user or a group see a camera. Administrators see all cameras without a grant."""

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
