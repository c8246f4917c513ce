"""Events: one per visit, with an early score by rules, and judged again with each batch of the visit."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from cameras.models import Camera
from detection.models import Batch


class EventsNotInTrash(models.Manager["Event"]):
    def get_queryset(self) -> models.QuerySet[Event]:
        return super().get_queryset().filter(deleted_at__isnull=True)


class Event(models.Model):
    """What happened in one visit. `risk_source` is the source of the score; there is no score without a source.

    A visit is a chain of batches of one camera (`events.visits`), and a digest gathers those of passers-by.
    `analysis` is `pending` while the judgement of a batch is missing, and `failed` when it failed. `objects` leaves out
    the trash, so that a query that does not consider the trash never shows a deleted event. The trash also holds the
    events that were `merged_into` another.
    """

    class Level(models.TextChoices):
        LOW = "low", "low"
        MEDIUM = "medium", "medium"
        HIGH = "high", "high"
        CRITICAL = "critical", "critical"

    class Source(models.TextChoices):
        LLM = "llm", "language model"
        RULES = "rules", "rules"

    class Analysis(models.TextChoices):
        PENDING = "pending", "being analysed"
        DONE = "done", "analysed"
        FAILED = "failed", "analysis failed"

    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="events")
    batches = models.ManyToManyField(
        Batch, through="events.EventBatch", related_name="events", related_query_name="event"
    )
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    risk_score = models.PositiveSmallIntegerField(null=True, blank=True)
    risk_level = models.CharField(max_length=8, choices=Level, null=True, blank=True)  # noqa: DJ001
    risk_source = models.CharField(max_length=5, choices=Source, null=True, blank=True)  # noqa: DJ001
    rule_score = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Score by rules, 0 to 100.")
    model_score = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Score of the language model, 0 to 100."
    )
    analysis = models.CharField(max_length=7, choices=Analysis, default=Analysis.PENDING)
    summary = models.TextField(blank=True)
    reasoning = models.TextField(blank=True)
    recommended_action = models.TextField(blank=True)
    model = models.CharField(max_length=200, blank=True, help_text="Language model of the judgement.")
    labels = models.JSONField(default=list)
    detection_count = models.PositiveIntegerField(default=0)
    people_at_once = models.PositiveSmallIntegerField(default=0, help_text="Largest number of people in one picture.")
    judged_detection_count = models.PositiveIntegerField(
        default=0, help_text="Number of detections that the judgement knew."
    )
    is_fast_path = models.BooleanField(default=False)
    is_digest = models.BooleanField(
        default=False, help_text="Passers-by on the street, gathered for a quarter of an hour."
    )
    ended = models.BooleanField(default=False, help_text="The visit is over.")
    continues = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="continued_by",
        help_text="The event that ended shortly before, and may show the same visitor.",
    )
    merged_into = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, blank=True, editable=False, related_name="merged"
    )
    reviewed = models.BooleanField(default=False)
    kept = models.BooleanField(default=False, help_text="Exempt from retention, with its pictures.")
    exported_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Time of the last export. An exported event is exempt from retention.",
    )
    held_back_by = models.JSONField(
        default=list,
        blank=True,
        help_text="Alerts whose cool-down prevented an alert. null: an alert of another camera.",
    )
    notes = models.TextField(blank=True)
    snooze_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="Time of the move to the trash.")

    with_trash = models.Manager["Event"]()  # first, so that the admin and the model checks see all events
    objects = EventsNotInTrash()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(risk_score__isnull=True, risk_level__isnull=True, risk_source__isnull=True)
                | Q(risk_score__isnull=False, risk_level__isnull=False, risk_source__isnull=False)
                & Q(risk_score__gte=0, risk_score__lte=100),
                name="event_no_score_without_source",
            ),
            models.CheckConstraint(
                condition=~Q(analysis="done") | Q(risk_source__isnull=False), name="event_judged_has_source"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["camera", "-started_at", "-id"], name="event_camera_time"),
            models.Index(fields=["-started_at", "-id"], name="event_time"),
            models.Index(fields=["-started_at", "-id"], condition=Q(reviewed=False), name="event_unreviewed"),
            models.Index(
                fields=["camera", "snooze_until"], condition=Q(snooze_until__isnull=False), name="event_snoozed"
            ),
            models.Index(fields=["ended_at"], condition=Q(ended=False), name="event_not_ended"),
            models.Index(fields=["deleted_at", "id"], condition=Q(deleted_at__isnull=False), name="event_trash"),
            models.Index(fields=["risk_level", "-started_at", "-id"], name="event_level"),
            models.Index(fields=["risk_score"], name="event_score"),
            models.Index(fields=["risk_source", "-started_at", "-id"], name="event_source"),
            models.Index(fields=["analysis", "-started_at", "-id"], name="event_analysis"),
        ]

    def __str__(self) -> str:
        return f"Event {self.pk} of {self.camera_id}"


class EventBatch(models.Model):
    """The event of a batch. A batch belongs to at most one event."""

    batch = models.OneToOneField(Batch, on_delete=models.CASCADE, primary_key=True, related_name="event_link")
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="batch_links")

    def __str__(self) -> str:
        return f"Batch {self.batch_id} of event {self.event_id}"
