"""Tracks: an object that is followed through the pictures of an event."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from events.models.event import Event


class Track(models.Model):
    """One object of an event. Its detections have its `number` in their `track`.

    The tracks of an event are replaced with each judgement (`events.tracking.update`). `path` is a list of [seconds
    since `started_at`, x, y] of the standing point, and `zones` a list of `zone` (its id), `seconds`, `entered_at` and
    `left_at`. `entry` and `exit` are the edges of the picture that the object touched first and last.
    """

    class Side(models.TextChoices):
        LEFT = "left", "left"
        RIGHT = "right", "right"
        TOP = "top", "top"
        BOTTOM = "bottom", "bottom"
        CENTRE = "centre", "inside the picture"

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="tracks", db_index=False)
    number = models.PositiveSmallIntegerField(help_text="Number within the event, from 1, by the first sighting.")
    label_group = models.CharField(max_length=64)
    label = models.CharField(max_length=64, help_text="The most frequent label.")
    labels = models.JSONField(default=list, help_text="All labels of the object, the most frequent first.")
    confidence = models.FloatField(help_text="Highest confidence, 0 to 1.")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    moved = models.BooleanField(default=False, help_text="Whether the object left its first place.")
    entry = models.CharField(max_length=6, choices=Side)
    exit = models.CharField(max_length=6, choices=Side)
    path = models.JSONField(default=list)
    zones = models.JSONField(default=list)
    detection_count = models.PositiveIntegerField()
    best_detection = models.PositiveBigIntegerField(help_text="Id of the most confident detection.")

    class Meta:
        ordering: ClassVar = ["event", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "number"], name="track_one_a_number"),
        ]

    def __str__(self) -> str:
        return f"{self.label} {self.number} of event {self.event_id}"

    @property
    def seconds(self) -> float:
        return (self.ended_at - self.started_at).total_seconds()
