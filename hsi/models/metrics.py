"""Figures over all processes and restarts."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class CounterValue(models.Model):
    """A figure that only grows, over all processes and restarts.

    Of a histogram each bucket is a row of its own (`bucket` is its place in `hsi.metrics.histograms.BOUNDS`).
    """

    name = models.CharField(max_length=60)
    label = models.CharField(max_length=60, blank=True)
    bucket = models.SmallIntegerField(default=0)
    value = models.FloatField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "label", "bucket"], name="countervalue_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.label}"


class LatencyBucket(models.Model):
    """How often something took how long within one minute, over all processes: one row a bucket of the histogram."""

    name = models.CharField(max_length=60)
    label = models.CharField(max_length=60)
    minute = models.DateTimeField(db_index=True)
    bucket = models.SmallIntegerField()
    count = models.PositiveIntegerField()
    seconds = models.FloatField(help_text="Sum of the durations.")
    longest = models.FloatField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "label", "minute", "bucket"], name="latencybucket_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.label} {self.minute}"


class GaugeValue(models.Model):
    """What one process has now, such as connected clients. Old rows are of processes that ended."""

    name = models.CharField(max_length=60)
    process = models.CharField(max_length=200)
    value = models.FloatField()
    recorded_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "process"], name="gaugevalue_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.process}"
