"""Jobs, dead letters, and paused queues."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone


class QueueJob(models.Model):
    """A job of the database queue for the row `row_id`. There is one live job per row and queue.

    `due_at` (seconds since 1970, clock of the database) is when the job may be taken: the end of its delay while it
    waits, the end of its lease while a worker has it. `lease` identifies the claim of the worker.
    """

    queue = models.CharField(max_length=40)
    row_id = models.BigIntegerField()
    attempts = models.PositiveIntegerField(default=0)
    enqueued_at = models.FloatField()
    due_at = models.FloatField()
    lease = models.CharField(max_length=32, default="", blank=True)
    failures = models.JSONField(default=list, blank=True)
    trace = models.CharField(max_length=64, default="", blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["queue", "row_id"], name="queuejob_one_live_job_a_row"),
        ]
        indexes: ClassVar = [models.Index(fields=["queue", "due_at", "id"], name="queuejob_due")]

    def __str__(self) -> str:
        return f"{self.queue} {self.row_id}"


class DeadLetter(models.Model):
    """A job that could not be completed, with its attempt history. It waits for a decision."""

    class State(models.TextChoices):
        OPEN = "open", "open"
        REQUEUED = "requeued", "queued again"
        DISCARDED = "discarded", "discarded"

    queue = models.CharField(max_length=40)
    row_id = models.BigIntegerField()
    payload = models.JSONField(default=dict, blank=True)
    reason = models.CharField(max_length=40, help_text="refused, attempts or overflow")
    error_type = models.CharField(max_length=120)
    error_text = models.TextField(blank=True)
    stack = models.TextField(blank=True)
    http_status = models.PositiveSmallIntegerField(null=True, blank=True)
    response_body = models.TextField(blank=True)
    attempts = models.PositiveIntegerField(default=0)
    failures = models.JSONField(default=list, blank=True, help_text="Each failed attempt with time and reason.")
    first_failed_at = models.DateTimeField()
    last_failed_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    created_at = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.CharField(max_length=150, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["-id"], condition=models.Q(state="open"), name="deadletter_open"),
            models.Index(fields=["queue", "row_id"], name="deadletter_row"),
        ]

    def __str__(self) -> str:
        return f"{self.queue} {self.row_id}: {self.error_type}"


class QueuePause(models.Model):
    """A paused queue. No row: not paused."""

    queue = models.CharField(max_length=40, primary_key=True)
    paused_at = models.DateTimeField(default=timezone.now)
    paused_by = models.CharField(max_length=150)

    def __str__(self) -> str:
        return self.queue
