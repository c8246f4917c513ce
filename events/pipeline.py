"""A batch becomes an event: an early score by rules on the fast path, then one final judgement.

The first job creates the event row, and later ones update it, always under the lock of the batch. A
judgement is never replaced by an early score.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from django.conf import settings
from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from detection.models import Batch, Detection
from events import habits
from events.alerting.evaluate import evaluate
from events.alerting.matching import label_summaries
from events.analyzers import Context, Verdict, get_analyzer, service
from events.analyzers.rules import RulesAnalyzer
from events.context import build_context
from events.models import Event, Judgement
from events.serializers import event_data
from events.tracking.update import MOST_FOLLOWED, update_tracks
from hsi import failpoints
from hsi.db import clock
from hsi.errors import CircuitOpenError, HSIError
from hsi.logs import context as logcontext
from hsi.metrics import histograms
from hsi.outbound import shared_breaker
from hsi.outbox import publish
from hsi.outbox.messages import CameraId, Message, MessageType
from hsi.queues import ANALYSIS_QUEUE, FAST_PATH_QUEUE, Job, get_queue

logger = logging.getLogger(__name__)


def run_fast_path(job: Job) -> None:
    """Do a fast path job: create an event with a rule score before the batch closes."""
    batch = Batch.objects.select_related("camera").filter(pk=job.row_id).first()
    if batch is None:
        get_queue(FAST_PATH_QUEUE).ack(job)
        return
    verdict = RulesAnalyzer().judge(build_context(batch))
    with transaction.atomic():
        failpoints.reach_after_commit("early-score-committed")
        get_queue(FAST_PATH_QUEUE).ack(job)
        save_early_score(batch, verdict)


def analyse_batch(job: Job) -> None:
    """Do an analysis job: build the context, judge it, and save the event.

    When the analyser fails, the event gets a rule score and the error is raised, so that the job comes back and judges
    the same event again. While the breaker of the analyser is open, the job ends with the rule score, and
    `events.pending` queues the batch again; except after a failed attempt, which must go on being counted.
    """
    batch = Batch.objects.select_related("camera").filter(pk=job.row_id).first()
    if batch is None or batch.state != Batch.State.CLOSED:
        get_queue(ANALYSIS_QUEUE).ack(job)
        return
    logcontext.add(camera=batch.camera_id)
    context = build_context(batch)
    began = time.perf_counter()
    try:
        verdict = judge(context)
        seconds = time.perf_counter() - began
        histograms.stage("analysis", seconds)
    except HSIError as error:
        if not Event.with_trash.filter(batch=batch, detection_count=batch.detection_count).exists():
            with transaction.atomic():
                save_early_score(batch, RulesAnalyzer().judge(context))
        if not isinstance(error, CircuitOpenError) or job.attempts > 1:
            raise
        get_queue(ANALYSIS_QUEUE).ack(job)
        return
    failpoints.reach("judged")
    with transaction.atomic():
        failpoints.reach_after_commit("event-committed")
        get_queue(ANALYSIS_QUEUE).ack(job)
        save_final_score(batch, verdict, seconds)
    failpoints.reach("event-acknowledged")


def judge(context: Context) -> Verdict:
    """Ask the analyser. Raises `CircuitOpenError` while its breaker is open, and what the analyser raises."""
    # A language model is asked for its name, then for the verdict.
    longest_seconds = settings.NEMOTRON_READ_TIMEOUT + settings.AI_HEALTH_TIMEOUT + 2 * settings.AI_CONNECT_TIMEOUT
    with shared_breaker.guard(service(), longest_seconds):
        return get_analyzer().judge(context)


def save_early_score(batch: Batch, verdict: Verdict) -> None:
    """Create or refresh the event of a batch with a rule score, still `pending`. A judged event stays as it is."""
    batch = Batch.objects.select_for_update(no_key=True).get(pk=batch.pk)
    event = lock_event(batch)
    if event is None or event.analysis == Event.Analysis.PENDING:
        save_event(batch, event, verdict, Event.Analysis.PENDING)


def save_final_score(batch: Batch, verdict: Verdict, seconds: float | None = None) -> None:
    """Save the judgement, which took `seconds`, and finish the batch. Do nothing if the batch is finished already."""
    finished = Batch.objects.filter(pk=batch.pk, state=Batch.State.CLOSED).update(
        state=Batch.State.ANALYSED, finished_at=timezone.now()
    )
    if finished:
        batch.refresh_from_db()
        save_event(batch, lock_event(batch), verdict, Event.Analysis.DONE, seconds)


def lock_event(batch: Batch) -> Event | None:
    """Return the event of a batch with its row locked, so that a review at the same time is not overwritten."""
    return Event.with_trash.select_for_update(no_key=True).filter(batch=batch).first()


def save_event(
    batch: Batch, event: Event | None, verdict: Verdict, analysis: Event.Analysis, seconds: float | None = None
) -> None:
    """Save the event, its judgement and its alerts, and publish them. The caller holds the lock of the batch."""
    is_new = event is None
    labels = label_summaries([batch.pk]).get(batch.pk, [])
    event = event or Event(batch=batch, camera_id=batch.camera_id)
    event.started_at, event.ended_at = batch.started_at, batch.ended_at
    event.risk_score, event.risk_level, event.risk_source = verdict.risk_score, verdict.risk_level, verdict.source
    event.summary, event.reasoning = verdict.summary, verdict.reasoning
    event.recommended_action, event.model = verdict.recommended_action, verdict.model
    event.analysis = analysis
    event.labels = list(dict.fromkeys(summary.label for summary in labels))
    event.detection_count, event.is_fast_path = batch.detection_count, batch.is_fast_path
    event.updated_at = timezone.now()
    event.save()
    habits.record(event, labels)
    if is_new:
        _measure_latency(batch)
    if analysis == Event.Analysis.DONE:
        save_judgement(event, verdict, seconds)
    tracks = update_tracks(event, Detection.objects.filter(batch=batch).order_by("captured_at", "id")[:MOST_FOLLOWED])
    alerts = [] if event.deleted_at else evaluate(event, labels, tracks, is_new=is_new)
    publish_event("event.created" if is_new else "event.updated", event, alerts)
    transaction.on_commit(lambda: _log_saved(event))


def save_judgement(event: Event, verdict: Verdict, seconds: float | None) -> None:
    """Store prompt and answer for later review. An event keeps its latest `Judgement.KEPT`."""
    Judgement.objects.create(
        event=event,
        duration_seconds=seconds,
        risk_source=verdict.source,
        risk_score=verdict.risk_score,
        risk_level=verdict.risk_level,
        model=verdict.model,
        prompt=verdict.prompt,
        answer=verdict.answer,
        corrections=list(verdict.corrections),
    )
    if older := list(event.judgements.order_by("-id").values_list("pk", flat=True)[Judgement.KEPT :]):
        Judgement.objects.filter(pk__in=older).delete()


def publish_event(kind: MessageType, event: Event, alerts: Sequence[Message] = ()) -> None:
    """Publish the event, then its alerts. An event in the trash is judged, but not published."""
    if event.deleted_at is None:
        publish.publish(Message(kind, CameraId(event.camera_id), event_data(event)), *alerts)


def _measure_latency(batch: Batch) -> None:
    """Record the time from the first picture of the batch to its event."""
    uploads = Detection.objects.filter(batch=batch)
    if first := uploads.aggregate(first=Min("upload__received_at"))["first"]:
        seconds = (clock.now() - first).total_seconds()
        transaction.on_commit(lambda: histograms.stage("upload_to_event", seconds))


def _log_saved(event: Event) -> None:
    with logcontext.also(camera=event.camera_id, batch=event.batch_id, event=event.pk):
        logger.info("Risk %s by %s, analysis %s", event.risk_score, event.risk_source, event.analysis)


def mark_batch_dead(row_id: int, reason: str) -> None:
    """Mark batch and event as failed when their job becomes a dead letter. A rule score stays, with its source."""
    Batch.objects.filter(pk=row_id, state=Batch.State.CLOSED).update(state=Batch.State.DEAD, finished_at=timezone.now())
    _change_analysis(row_id, Event.Analysis.PENDING, Event.Analysis.FAILED)
    logger.error("Batch %s could not be analysed: %s", row_id, reason)


def requeue_batch(row_id: int) -> bool:
    """Let a failed batch wait for its judgement again. Return False if it is gone, or has not failed."""
    requeued = Batch.objects.filter(pk=row_id, state=Batch.State.DEAD).update(
        state=Batch.State.CLOSED, finished_at=None
    )
    if requeued:
        _change_analysis(row_id, Event.Analysis.FAILED, Event.Analysis.PENDING)
    return bool(requeued)


def _change_analysis(batch_id: int, before: Event.Analysis, after: Event.Analysis) -> None:
    event = Event.with_trash.select_for_update(no_key=True).filter(batch_id=batch_id, analysis=before).first()
    if event is not None:
        event.analysis, event.updated_at = after, timezone.now()
        event.save(update_fields=["analysis", "updated_at"])
        publish_event("event.updated", event)


def log_fast_path_failure(row_id: int, reason: str) -> None:
    """Log that a fast path job failed. Nothing is lost: the batch is analysed when it closes."""
    logger.error("The fast path of batch %s failed: %s", row_id, reason)


def requeue_fast_path(row_id: int) -> bool:
    """Return whether the fast path still helps: the batch is open and has no event."""
    return Batch.objects.open().filter(pk=row_id, event__isnull=True).exists()
