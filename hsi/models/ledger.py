"""Rows that tell what was done and how it went: the audit log, figures over all processes, what a person has set."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone


class QueuePause(models.Model):
    """A queue whose jobs nobody takes until somebody lets them go on. No row: it is not paused."""

    queue = models.CharField(max_length=40, primary_key=True)
    paused_at = models.DateTimeField(default=timezone.now)
    paused_by = models.CharField(max_length=150)

    def __str__(self) -> str:
        return self.queue


class LiveSetting(models.Model):
    """A setting that a person has changed while the system runs. No row: it is as the environment says.

    Read and written by `hsi.live_settings` alone. `value` is text, as it would stand in `.env`.
    """

    name = models.CharField(max_length=60, primary_key=True)
    value = models.CharField(max_length=1000)
    changed_at = models.DateTimeField(default=timezone.now)
    changed_by = models.CharField(max_length=150)

    def __str__(self) -> str:
        return self.name


class Tally(models.Model):
    """A figure that only grows, over all processes and restarts; `hsi.metrics.histograms` and
    `monitoring.metrics.counters` add to it.

    Of a histogram each bucket is a row of its own (`bucket` is its place in `hsi.metrics.histograms.BOUNDS`).
    """

    name = models.CharField(max_length=60)
    label = models.CharField(max_length=60, blank=True)
    bucket = models.SmallIntegerField(default=0)
    value = models.FloatField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "label", "bucket"], name="tally_one_row_a_figure"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.label}"


class StageSample(models.Model):
    """How often something took how long within one minute, over all processes: one row a bucket of the histogram."""

    name = models.CharField(max_length=60)
    label = models.CharField(max_length=60)
    minute = models.DateTimeField(db_index=True)
    bucket = models.SmallIntegerField()
    count = models.PositiveIntegerField()
    seconds = models.FloatField(help_text="The sum.")
    longest = models.FloatField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "label", "minute", "bucket"], name="stagesample_one_row_a_bucket"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.label} {self.minute}"


class ProcessFigure(models.Model):
    """What one process has now, such as connected clients. Old rows are of processes that ended."""

    name = models.CharField(max_length=60)
    process = models.CharField(max_length=200)
    value = models.FloatField()
    at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "process"], name="processfigure_one_row_a_process"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.process}"


class AppendOnlyError(Exception):
    """An entry of the audit log is never changed. Old ones go by retention only."""


class AuditEntry(models.Model):
    """Who did what, when and from where; what it was before and after. Written by `hsi.audit`, never changed.

    Names are texts: an entry outlives the user, the token and the object it tells of.
    """

    time = models.DateTimeField(default=timezone.now)
    user = models.CharField(max_length=150)
    token = models.CharField(max_length=100, blank=True, help_text="The token's name and first characters.")
    address = models.CharField(max_length=45, blank=True)
    action = models.CharField(max_length=60)
    object = models.CharField(max_length=200)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes: ClassVar = [
            models.Index(fields=["-time", "-id"], name="auditentry_time"),
            models.Index(fields=["user", "-time", "-id"], name="auditentry_user"),
            models.Index(fields=["object", "-time", "-id"], name="auditentry_object"),
            models.Index(fields=["action", "-time", "-id"], name="auditentry_action"),
            models.Index(fields=["request_id"], condition=~Q(request_id=""), name="auditentry_request"),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.action} {self.object}"

    def save(self, *args: Any, **options: Any) -> None:
        if not self._state.adding:
            raise AppendOnlyError
        super().save(*args, **options)

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        raise AppendOnlyError
