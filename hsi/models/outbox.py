"""The outbox of the live stream: its messages, and the last published states."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone


class StreamHead(models.Model):
    """The newest sequence number of the outbox stream, in a single row.

    A writer increments the number first and holds the row lock until the commit. Numbers are therefore in commit order
    without gaps, and a reader of number N has seen all numbers below it.
    """

    seq = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=models.Q(id=1), name="streamhead_one_row")]

    def __str__(self) -> str:
        return str(self.seq)


class StreamMessage(models.Model):
    """A message of the outbox stream, written in the transaction of the change that it reports. Append-only.

    `camera` is the id as text, so that a message outlives its camera. It is empty for messages about the whole system.
    """

    seq = models.BigIntegerField(primary_key=True)
    type = models.CharField(max_length=40)
    camera = models.CharField(max_length=64, blank=True)
    data = models.JSONField()
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.seq} {self.type}"


class LastPublishedState(models.Model):
    """The last published state of a subject: a worker, a queue, the system. `hsi.outbox.publish` has the rules."""

    subject = models.CharField(max_length=220, primary_key=True)
    state = models.CharField(max_length=20)
    changed_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.subject}: {self.state}"
