"""Judgements of events with prompt and answer, and the feedback of people."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from events.models.event import Event


class Judgement(models.Model):
    """A judgement of an event. Its texts are shortened before they are stored.

    `prompt` and `answer` are empty for a judgement by rules. Only administrators can read them.
    """

    KEPT = 5  # per event; another judgement removes the oldest

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="judgements")
    judged_at = models.DateTimeField(default=timezone.now, editable=False)
    duration_seconds = models.FloatField(null=True, blank=True, help_text="Duration of the analysis in seconds.")
    risk_source = models.CharField(max_length=5, choices=Event.Source)
    risk_score = models.PositiveSmallIntegerField()
    risk_level = models.CharField(max_length=8, choices=Event.Level)
    model = models.CharField(max_length=200, blank=True)
    picture_count = models.PositiveSmallIntegerField(default=0, help_text="Number of pictures that the model saw.")
    prompt_tokens = models.PositiveIntegerField(null=True, blank=True, help_text="As the server counted them.")
    answer_tokens = models.PositiveIntegerField(null=True, blank=True)
    prompt = models.TextField(blank=True)
    answer = models.TextField(blank=True, help_text="The original answer, before corrections.")
    corrections = models.JSONField(default=list, blank=True, help_text="Corrections of the answer.")

    def __str__(self) -> str:
        return f"Judgement {self.pk} of event {self.event_id}"


class FeedbackVerdict(models.TextChoices):
    RIGHT = "right", "right"
    FALSE_ALARM = "false_alarm", "false alarm"
    MISSED = "missed", "missed something"
    WRONG_SEVERITY = "wrong_severity", "wrong severity"


class EventFeedback(models.Model):
    """The feedback of a person on the verdict of an event: one per person, which can be changed.

    `by` is a user name, as in the audit log, because it outlives the user.
    """

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="feedback")
    by = models.CharField(max_length=150)
    verdict = models.CharField(max_length=14, choices=FeedbackVerdict)
    comment = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "feedback"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "by"], name="eventfeedback_one_a_person"),
        ]
        indexes: ClassVar = [models.Index(fields=["verdict", "event"], name="eventfeedback_verdict")]

    def __str__(self) -> str:
        return f"{self.by}: {self.verdict}, event {self.event_id}"
