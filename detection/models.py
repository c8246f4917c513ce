"""Detections, grouped by camera into batches."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from cameras.models import Camera, Upload


class BatchQuerySet(models.QuerySet["Batch"]):
    def open(self) -> BatchQuerySet:
        return self.filter(state=Batch.State.OPEN)


class Batch(models.Model):
    """Related detections of one camera. A camera has at most one open live batch.

    `due_at` is when the batch closes without further detections. `started_at` and `ended_at` are capture times.
    """

    class State(models.TextChoices):
        OPEN = "open", "open"
        CLOSED = "closed", "waiting for analysis"
        ANALYSED = "analysed", "analysed"
        DEAD = "dead", "failed"
        UNSURE = "unsure", "too uncertain for an event"

    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="batches")
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    is_backfill = models.BooleanField(
        default=False, help_text="Grouped by capture time, because its pictures arrived late."
    )
    is_fast_path = models.BooleanField(default=False, help_text="Its event was created before the batch closed.")
    detection_count = models.PositiveIntegerField(default=0)
    upload_count = models.PositiveIntegerField(default=0)
    pictures = models.JSONField(default=dict, help_text="Number of pictures and frames by group of labels.")
    is_sure = models.BooleanField(
        default=False, help_text="One detection is sure, or two pictures show the same group of labels."
    )
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = BatchQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "batches"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["camera"], condition=Q(state="open", is_backfill=False), name="batch_one_open_a_camera"
            ),
            models.CheckConstraint(
                condition=Q(state="open", closed_at__isnull=True) | (~Q(state="open") & Q(closed_at__isnull=False)),
                name="batch_closed_when_not_open",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=Q(state="open"), name="batch_due"),
            models.Index(fields=["camera", "started_at"], condition=Q(state="open"), name="batch_open_camera"),
            models.Index(fields=["id"], condition=Q(state="closed"), name="batch_waiting"),
        ]

    def __str__(self) -> str:
        return f"Batch {self.pk} of {self.camera_id}"


class Detection(models.Model):
    """One object in one picture. The box is relative to the picture (0..1, origin top left).

    A detection that does not count is in no batch, and `ignored` says why.
    """

    class Ignored(models.TextChoices):
        LABEL = "label", "label does not count"
        CONFIDENCE = "confidence", "confidence too low"
        SIZE = "size", "too small or too large"
        ZONE = "zone", "in a zone that is ignored"
        STATIC = "static", "stays where it is"
        UNCHANGED = "unchanged", "was there before"
        TOO_MANY = "too_many", "one of very many"

    # Each of these is the first column of an index or constraint below, so none needs an index alone.
    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="detections", db_index=False)
    batch = models.ForeignKey(
        Batch, on_delete=models.CASCADE, null=True, blank=True, related_name="detections", db_index=False
    )
    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="detections", db_index=False)
    ordinal = models.PositiveIntegerField(help_text="Position within the upload, from 0.")
    label = models.CharField(max_length=64)
    confidence = models.FloatField()
    x = models.FloatField()
    y = models.FloatField()
    width = models.FloatField()
    height = models.FloatField()
    captured_at = models.DateTimeField()
    frame_offset = models.FloatField(null=True, blank=True, help_text="Offset in the clip in seconds.")
    zones = models.JSONField(
        default=list, blank=True, help_text="Ids of the zones of the detection when it was stored."
    )
    track = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Number of its object within the event. Empty: not followed."
    )
    ignored = models.CharField(
        max_length=10, choices=Ignored, blank=True, help_text="Why it does not count. Empty: it counts."
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(ignored="", batch__isnull=False) | (~Q(ignored="") & Q(batch__isnull=True)),
                name="detection_in_a_batch_if_it_counts",
            ),
            models.UniqueConstraint(fields=["upload", "ordinal"], name="detection_one_set_an_upload"),
            models.CheckConstraint(
                condition=Q(confidence__gte=0, confidence__lte=1)
                & Q(x__gte=0, y__gte=0, width__gt=0, height__gt=0)
                & Q(x__lte=1, y__lte=1, width__lte=1, height__lte=1),
                name="detection_relative",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["camera", "-captured_at", "-id"], name="detection_camera_time"),
            models.Index(fields=["-captured_at", "-id"], name="detection_time"),
            models.Index(fields=["batch", "label"], name="detection_batch_label"),
        ]

    def __str__(self) -> str:
        return f"{self.label} {self.confidence:.2f}"


class Scene(models.Model):
    """What the static memory of a camera knows of its pictures as a whole. The camera is locked while it changes.

    Times are capture times. Pictures that arrive out of order are not counted.
    """

    camera = models.OneToOneField(Camera, on_delete=models.CASCADE, primary_key=True, related_name="scene")
    pictures = models.PositiveBigIntegerField(default=0, help_text="Number of pictures and frames.")
    last_picture_at = models.DateTimeField(null=True, blank=True)
    candidates = models.JSONField(
        default=list, blank=True, help_text="Objects that were seen, and have not stayed long enough to be remembered."
    )

    view = models.JSONField(default=dict, blank=True, help_text="What the camera usually shows, and its state.")

    def __str__(self) -> str:
        return f"Scene of {self.camera_id}"


class StaticObject(models.Model):
    """An object that stays where it is, by the rules of `relevance.static_memory`. It starts no event until it moves.

    `sightings` counts since it appeared; `first_picture` and `last_picture` are numbers of pictures of its `Scene`.
    """

    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="static_objects")
    label_group = models.CharField(max_length=64)
    label = models.CharField(max_length=64)
    x = models.FloatField()
    y = models.FloatField()
    width = models.FloatField()
    height = models.FloatField()
    since = models.DateTimeField(help_text="When it was first seen in this place.")
    appeared_at = models.DateTimeField(
        null=True, blank=True, help_text="When it last came. Empty: it was in the first picture."
    )
    last_seen_at = models.DateTimeField()
    sightings = models.PositiveIntegerField()
    first_picture = models.PositiveBigIntegerField()
    last_picture = models.PositiveBigIntegerField()
    remembered_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["last_seen_at"], name="static_object_seen")]

    def __str__(self) -> str:
        return f"{self.label} of {self.camera_id}"
