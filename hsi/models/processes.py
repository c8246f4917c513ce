"""What processes share: who runs, which services are left alone, which settings a person has changed."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


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
