"""Log entries, job runs, GPU samples and storage samples."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q


class LogEntry(models.Model):
    """One log line, redacted and escaped. References are plain values, because rows may be deleted before the line."""

    class Level(models.IntegerChoices):
        DEBUG = 10, "DEBUG"
        INFO = 20, "INFO"
        WARNING = 30, "WARNING"
        ERROR = 40, "ERROR"
        CRITICAL = 50, "CRITICAL"

    created_at = models.DateTimeField()
    level = models.SmallIntegerField(choices=Level)
    component = models.CharField(max_length=120, help_text="The logger.")
    message = models.TextField()
    stack = models.TextField(blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    camera = models.CharField(max_length=64, blank=True)
    upload = models.BigIntegerField(null=True, blank=True)
    batch = models.BigIntegerField(null=True, blank=True)
    event = models.BigIntegerField(null=True, blank=True)
    queue = models.CharField(max_length=40, blank=True)
    duration_seconds = models.FloatField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "log entries"
        indexes: ClassVar = [
            models.Index(fields=["-created_at", "-id"], name="logentry_time"),
            models.Index(fields=["-created_at", "-id"], condition=Q(level__gte=30), name="logentry_trouble"),
            models.Index(fields=["camera", "-created_at", "-id"], condition=~Q(camera=""), name="logentry_camera"),
            models.Index(fields=["request_id"], condition=~Q(request_id=""), name="logentry_request"),
            models.Index(fields=["upload"], condition=Q(upload__isnull=False), name="logentry_upload"),
            models.Index(fields=["batch"], condition=Q(batch__isnull=False), name="logentry_batch"),
        ]

    def __str__(self) -> str:
        return f"{self.get_level_display()} {self.component}: {self.message[:80]}"


class JobRunQuerySet(models.QuerySet["JobRun"]):
    def requested(self) -> JobRunQuerySet:
        """Return running bulk jobs (`monitoring.bulk_jobs`)."""
        return self.filter(outcome=JobRun.Outcome.RUNNING, request__isnull=False)


class JobRun(models.Model):
    """One run of a housekeeping job, or a bulk job that a person requested, which has `request` and `total`.

    A housekeeping run that stays `running` ended with its process. A bulk job, and the job that fills the table of
    habits (`monitoring.habit_fill`), continue in another process.
    """

    class Outcome(models.TextChoices):
        RUNNING = "running", "running"
        DONE = "done", "done"
        FAILED = "failed", "failed"
        STOPPED = "stopped", "stopped"

    name = models.CharField(max_length=40)
    outcome = models.CharField(max_length=7, choices=Outcome, default=Outcome.RUNNING)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    counts = models.JSONField(default=dict, blank=True)
    error = models.CharField(max_length=500, blank=True)
    request = models.JSONField(null=True, blank=True, editable=False)
    requested_by = models.CharField(max_length=150, blank=True, help_text="Empty for housekeeping.")
    total = models.PositiveBigIntegerField(null=True, blank=True, editable=False)
    cursor = models.BigIntegerField(default=0, editable=False, help_text="The last row that was dealt with.")

    objects = JobRunQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["-started_at", "-id"], name="jobrun_time"),
            models.Index(fields=["name", "-started_at", "-id"], name="jobrun_name"),
            models.Index(fields=["id"], condition=Q(outcome="running", request__isnull=False), name="jobrun_requested"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.started_at}"

    @property
    def dealt_with(self) -> int:
        return sum(self.counts.values())


class GpuSample(models.Model):
    """Figures of a graphics card. None: not supported by the driver."""

    recorded_at = models.DateTimeField()
    host = models.CharField(max_length=120)
    gpu = models.PositiveSmallIntegerField(help_text="The card's number on its machine.")
    name = models.CharField(max_length=120)
    utilization_percent = models.PositiveSmallIntegerField(null=True, blank=True)
    memory_used_bytes = models.BigIntegerField(null=True, blank=True)
    memory_total_bytes = models.BigIntegerField(null=True, blank=True)
    temperature_celsius = models.SmallIntegerField(null=True, blank=True)
    power_watts = models.FloatField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["-recorded_at", "-id"], name="gpusample_time")]

    def __str__(self) -> str:
        return f"{self.host} {self.gpu}: {self.name}"


class StorageSample(models.Model):
    """Disk usage of our files, and free space for the camera folder. None: unknown."""

    recorded_at = models.DateTimeField(db_index=True)
    total_bytes = models.BigIntegerField(null=True, blank=True)
    free_bytes = models.BigIntegerField(null=True, blank=True)
    originals_bytes = models.BigIntegerField()
    quarantine_bytes = models.BigIntegerField()
    thumbnails_bytes = models.BigIntegerField(null=True, blank=True)
    database_bytes = models.BigIntegerField(null=True, blank=True)
    cameras = models.JSONField(default=dict, blank=True, help_text="Bytes of originals by camera.")

    def __str__(self) -> str:
        return str(self.recorded_at)
