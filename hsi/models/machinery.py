"""Rows of the machinery itself: queue jobs, dead letters, heartbeats, tokens and the outbox stream."""

from __future__ import annotations

import hashlib
from typing import ClassVar

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
    """What all processes know of one AI service; `hsi.outbound.shared_breaker` has the rules. No row: closed.

    `failures` are those in a row while it is closed, `successes` those of trial calls while it is half-open.
    `trials` are the trial calls on their way: by token, the end of the claim in seconds since 1970.
    `unusable` are the answers in a row that came and could not be used: they open nothing, and health tells of them.
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
    unusable = models.PositiveIntegerField(default=0)
    last_unusable = models.CharField(max_length=500, blank=True)

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


class ToldState(models.Model):
    """What the stream last told of a subject: a worker, a queue, the system. `hsi.outbox.publish` has the rules."""

    subject = models.CharField(max_length=220, primary_key=True)
    state = models.CharField(max_length=20)
    changed_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.subject}: {self.state}"


def digest(text: str) -> str:
    """What is kept of a secret that is random: its SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()


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

    class Meta:
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class KeptAnswer(models.Model):
    """What a request with an `Idempotency-Key` was answered, for when it is sent again: see `hsi.api.idempotency`."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    request = models.CharField(max_length=64, help_text="SHA-256 of the method, the address and the body.")
    status = models.PositiveSmallIntegerField(null=True, help_text="None until it was answered.")
    data = models.JSONField(null=True)
    location = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "key"], name="keptanswer_one_a_key")]

    def __str__(self) -> str:
        return self.key


class LoginFailure(models.Model):
    """One wrong password. `who` is a keyed hash of the name that was typed: people type passwords there as well."""

    who = models.CharField(max_length=64)
    address = models.CharField(max_length=45, blank=True, help_text="Of an IPv6 network: its first address.")
    at = models.DateTimeField()
    is_known = models.BooleanField(default=False, help_text="From where this name has signed in before.")
    device = models.CharField(max_length=32, blank=True, help_text="The known device, where it was one.")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["address", "at"], name="loginfailure_address"),
            models.Index(fields=["who", "at"], name="loginfailure_who"),
            models.Index(fields=["at"], name="loginfailure_at"),
        ]

    def __str__(self) -> str:
        return f"{self.address} {self.at:%Y-%m-%d %H:%M:%S}"


class KnownNetwork(models.Model):
    """A network that a name has signed in from. `who` is the name's keyed hash, as of a `LoginFailure`."""

    who = models.CharField(max_length=64)
    address = models.CharField(max_length=45, help_text="Of an IPv6 network: its first address.")
    at = models.DateTimeField(help_text="When it last did.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["who", "address"], name="knownnetwork_one_a_name_and_address"),
        ]

    def __str__(self) -> str:
        return self.address


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
