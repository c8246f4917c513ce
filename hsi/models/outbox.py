"""The outbox of the live stream: its messages, and what was last published."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone


class StreamHead(models.Model):
    """One row: the newest sequence number of the outbox stream.

    Whoever writes a message first raises this number and so holds the row's lock to the commit:
    numbers are given in commit order, without gaps, and a reader that saw N has seen all below N.
    """

    seq = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=models.Q(id=1), name="streamhead_one_row")]

    def __str__(self) -> str:
        return str(self.seq)


class StreamMessage(models.Model):
    """One message of the outbox stream, written in the transaction of what it tells. Append-only.

    `camera` is the camera's id as text, so that a message outlives its camera; empty for messages
    that concern the system as a whole.
    """

    seq = models.BigIntegerField(primary_key=True)
    type = models.CharField(max_length=40)
    camera = models.CharField(max_length=64, blank=True)
    data = models.JSONField()
    time = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.seq} {self.type}"


class ToldState(models.Model):
    """What the stream last told of a subject: a worker, a queue, the system. `hsi.outbox.publish` has the rules."""

    subject = models.CharField(max_length=220, primary_key=True)
    state = models.CharField(max_length=20)
    changed_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.subject}: {self.state}"
