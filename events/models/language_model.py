"""What is known about each language model server, and the last answers that were rejected."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class LanguageModelServer(models.Model):
    """The features of one server. They are detected once, and again after a change of the settings or the server."""

    name = models.CharField(max_length=40, unique=True, help_text="Name of the circuit breaker.")
    configuration = models.CharField(max_length=64, editable=False, help_text="Digest of the settings of the server.")
    address = models.CharField(max_length=500)
    software = models.CharField(max_length=40, blank=True)
    version = models.CharField(max_length=100, blank=True)
    api = models.CharField(max_length=10)
    model = models.CharField(max_length=200, blank=True)
    answer_form = models.CharField(max_length=20, help_text="How the server restricts the answer.")
    fields = models.CharField(max_length=10, help_text="Which fields of a request the server accepts.")
    accepts_pictures = models.BooleanField(null=True, help_text="Unknown until a picture was tried.")
    context_tokens = models.PositiveIntegerField(null=True, blank=True)
    detected_at = models.DateTimeField(null=True, help_text="Empty: will be detected before the next judgement.")

    def __str__(self) -> str:
        return f"{self.name} at {self.address}"


class RejectedAnswer(models.Model):
    """An answer that a check rejected. Only the latest are kept. `answer` is shortened."""

    KEPT = 10

    created_at = models.DateTimeField(default=timezone.now, editable=False)
    kind = models.CharField(max_length=20)
    reason = models.CharField(max_length=500)
    model = models.CharField(max_length=200, blank=True)
    camera_id = models.CharField(max_length=100, blank=True)
    answer = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"Rejected answer {self.pk}: {self.kind}"
