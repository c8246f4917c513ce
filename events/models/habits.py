"""Habits: in which hours of the last days a camera saw which kind of object."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from cameras.models import Camera, Zone
from events.models.event import Event


class Habit(models.Model):
    """A group of labels was seen in an hour of a day, on one kind of ground. `events.habits` reads and writes it.

    The row belongs to the latest event that showed it, and is deleted with that event.
    """

    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="habits")
    zone_kind = models.CharField(
        max_length=8, blank=True, choices=Zone.Kind, help_text="Where it stood. Empty: outside all zones with a kind."
    )
    label_group = models.CharField(max_length=64)
    day = models.DateField(help_text="In the time zone of the camera.")
    hour = models.PositiveSmallIntegerField(help_text="0 to 23, in the time zone of the camera.")
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="habits")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["camera", "day", "hour", "zone_kind", "label_group"], name="habit_once_an_hour"
            ),
            models.CheckConstraint(condition=models.Q(hour__lt=24), name="habit_hour_of_a_day"),
        ]
        indexes: ClassVar = [models.Index(fields=["day"], name="habit_day")]

    def __str__(self) -> str:
        return f"{self.label_group} of {self.camera_id} on {self.day} at {self.hour}"
