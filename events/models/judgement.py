"""How an event was judged: what was asked, what was answered, and what people say about the verdict."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from events.models.event import Event


class Judgement(models.Model):
    """One judgement of an event, kept as long as the event is. Texts are cut to a bound before they come here.

    `prompt` and `answer` are empty where rules judged: nobody was asked. Both are for administrators to read.
    """

    KEPT = 5  # of an event; older ones go when it is judged again

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="judgements")
    judged_at = models.DateTimeField(default=timezone.now, editable=False)
    seconds = models.FloatField(null=True, blank=True, help_text="How long the analyser took.")
    risk_source = models.CharField(max_length=5, choices=Event.Source)
    risk_score = models.PositiveSmallIntegerField()
    risk_level = models.CharField(max_length=8, choices=Event.Level)
    model = models.CharField(max_length=200, blank=True)
    prompt = models.TextField(blank=True)
    answer = models.TextField(blank=True, help_text="As it came, before anything in it was put right.")
    corrections = models.JSONField(default=list, blank=True, help_text="What was put right in the answer.")

    def __str__(self) -> str:
        return f"Judgement {self.pk} of event {self.event_id}"


class EventFeedback(models.Model):
    """What a person says about the verdict on an event: one word a person, who may change it.

    `by` is a name, as in the audit log: it outlives the user.
    """

    class Verdict(models.TextChoices):
        RIGHT = "right", "right"
        FALSE_ALARM = "false_alarm", "false alarm"
        MISSED = "missed", "missed something"
        WRONG_SEVERITY = "wrong_severity", "wrong severity"

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="feedback")
    by = models.CharField(max_length=150)
    verdict = models.CharField(max_length=14, choices=Verdict)
    comment = models.CharField(max_length=1000, blank=True)
    at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "feedback"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "by"], name="eventfeedback_one_a_person"),
        ]
        indexes: ClassVar = [models.Index(fields=["verdict", "event"], name="eventfeedback_verdict")]

    def __str__(self) -> str:
        return f"{self.by}: {self.verdict}, event {self.event_id}"
