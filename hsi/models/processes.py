"""State that processes share: heartbeats, circuit breakers and live settings."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class WorkerHeartbeat(models.Model):
    """The heartbeat of one loop of one process. `progressed_at` is its last completed step."""

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
    """The shared circuit breaker of an AI service. `hsi.outbound.shared_breaker` has the rules. No row: closed.

    `failures` counts consecutive failures while closed, and `successes` counts trial calls while half-open. `trials`
    maps the tokens of running trial calls to the end of their claim in seconds since 1970. `unusable` counts
    consecutive unusable answers, which do not open the breaker but degrade the health. All times are on the clock of
    the database.
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
    retry_at = models.DateTimeField(null=True, blank=True, help_text="While open: time of the next trial call.")
    changed_at = models.DateTimeField(null=True, blank=True)
    last_failed_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    unusable = models.PositiveIntegerField(default=0)
    last_unusable = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        return f"{self.name}: {self.get_state_display()}"


class LiveSetting(models.Model):
    """A setting that was changed while the system runs. No row: the environment applies.

    Only `hsi.live_settings` reads and writes it. `value` is text as in `.env`.
    """

    name = models.CharField(max_length=60, primary_key=True)
    value = models.CharField(max_length=1000)
    changed_at = models.DateTimeField(default=timezone.now)
    changed_by = models.CharField(max_length=150)

    def __str__(self) -> str:
        return self.name
