"""Rows of the machinery itself: queue jobs, dead letters, heartbeats, tokens, the outbox stream, figures, the audit."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone


class QueueJob(models.Model):
    """One job of the database queue: `row_id` names the row that waits. One live job a row and queue.

    `due_at` (seconds since 1970, the database's clock) is when the job may be taken: its delay
    while it waits, the end of its lease while a worker has it. `lease` names that worker's claim.
    """

    queue = models.CharField(max_length=40)
    row_id = models.BigIntegerField()
    attempts = models.PositiveIntegerField(default=0)
    put_at = models.FloatField()
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
    """A job that could not be done, with the whole story. It waits for a person."""

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
    failures = models.JSONField(default=list, blank=True, help_text="Each failed attempt: when, and why.")
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


class CircuitBreaker(models.Model):
    """What all processes know of one AI service; `hsi.breaker` has the rules. No row: closed.

    `failures` are those in a row while it is closed, `successes` those of trial calls while it is half-open.
    `trials` are the trial calls on their way: by token, the end of the claim in seconds since 1970.
    Every time is the database's clock.
    """

    class State(models.TextChoices):
        CLOSED = "closed", "closed"
        OPEN = "open", "open"
        HALF_OPEN = "half_open", "half-open"

    name = models.CharField(max_length=40, primary_key=True)
    state = models.CharField(max_length=9, choices=State, default=State.CLOSED)
    failures = models.PositiveIntegerField(default=0)
    successes = models.PositiveIntegerField(default=0)
    trials = models.JSONField(default=dict, blank=True)
    retry_at = models.DateTimeField(null=True, blank=True, help_text="While open: when the service is tried again.")
    changed_at = models.DateTimeField(null=True, blank=True)
    last_failed_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        return f"{self.name}: {self.get_state_display()}"


class WorkerHeartbeat(models.Model):
    """The sign of life of one loop of one process. `progressed_at` is its last completed step."""

    class State(models.TextChoices):
        RUNNING = "running", "running"
        FAILING = "failing", "failing"
        STOPPED = "stopped", "stopped"

    name = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=40)
    host = models.CharField(max_length=120)
    pid = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    detail = models.TextField(blank=True)
    jobs_done = models.PositiveBigIntegerField(default=0)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField(db_index=True)
    progressed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class ApiToken(models.Model):
    """A token of a user: only its SHA-256 is kept. A 256-bit random value needs no slower hash."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    prefix = models.CharField(max_length=12, editable=False, help_text="The first characters, to tell tokens apart.")
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


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


class QueuePause(models.Model):
    """A queue whose jobs nobody takes until somebody lets them go on. No row: it is not paused."""

    queue = models.CharField(max_length=40, primary_key=True)
    paused_at = models.DateTimeField(default=timezone.now)
    paused_by = models.CharField(max_length=150)

    def __str__(self) -> str:
        return self.queue


class Tally(models.Model):
    """A figure that only grows, over all processes and restarts; `hsi.samples` and `monitoring.tallies` add to it.

    Of a histogram each bucket is a row of its own (`bucket` is its place in `hsi.samples.BOUNDS`).
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
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.action} {self.object}"

    def save(self, *args: Any, **options: Any) -> None:
        if not self._state.adding:
            raise AppendOnlyError
        super().save(*args, **options)

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        raise AppendOnlyError
