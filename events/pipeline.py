"""A visit becomes an event: an early score by rules on the fast path, and a judgement with each batch of the visit.

The first job creates the event row, and later ones extend it (`events.visits`), always under the lock of the camera.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from detection.models import Batch, Detection
from events import habits, visits
from events.alerting.evaluate import evaluate
from events.alerting.matching import labels_of_batches
from events.analyzers import Context, Verdict, get_analyzer, service
from events.analyzers.rules import RulesAnalyzer
from events.context import build_context
from events.models import Event, Judgement
from events.serializers import event_data
from events.severity import level_of, rank
from events.tracking.update import update_tracks
from events.visits import Visit
from hsi import failpoints
from hsi.db import clock
from hsi.errors import CircuitOpenError, HSIError
from hsi.logs import context as logcontext
from hsi.metrics import histograms
from hsi.outbound import shared_breaker
from hsi.outbox import publish
from hsi.outbox.messages import CameraId, Message, MessageType
from hsi.queues import ANALYSIS_QUEUE, FAST_PATH_QUEUE, Failure, Job, get_queue

logger = logging.getLogger(__name__)

PASSING_BY_SECONDS = 5.0


class PassingByError(HSIError):
    """Everything was on the street so far."""

    code = "PASSING_BY"
    counts = False


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict on `detection_count` detections of a visit, which took `seconds`, and the score of the rules."""

    verdict: Verdict
    rules: Verdict
    detection_count: int
    seconds: float | None = None


def run_fast_path(job: Job) -> None:
    """Do a fast path job: create or extend an event, with a rule score, before the batch closes."""
    batch = Batch.objects.select_related("camera").filter(pk=job.row_id).first()
    if batch is None:
        get_queue(FAST_PATH_QUEUE).ack(job)
        return
    if batch.state == Batch.State.OPEN and visits.is_passing_by(batch):
        # Passers-by are not reported early. The batch is looked at again, because one of them may come nearer.
        if batch.due_at <= clock.now():
            get_queue(FAST_PATH_QUEUE).ack(job)
        else:
            looks_again = Failure.of(PassingByError())
            get_queue(FAST_PATH_QUEUE).retry(job, PASSING_BY_SECONDS, looks_again, counts=False)
        return
    with transaction.atomic():
        failpoints.reach_after_commit("early-score-committed")
        get_queue(FAST_PATH_QUEUE).ack(job)
        save_early_score(batch)


def analyse_batch(job: Job) -> None:
    """Do an analysis job: judge the visit of the batch, and save its event.

    When the analyser fails, the event gets a rule score and the error is raised, so that the job comes back and judges
    the same event again. While the breaker of the analyser is open, the job ends with the rule score, and
    `events.pending` queues the batch again; except after a failed attempt, which must go on being counted.
    """
    batch = Batch.objects.select_related("camera").filter(pk=job.row_id).first()
    if batch is None or batch.state != Batch.State.CLOSED:
        get_queue(ANALYSIS_QUEUE).ack(job)
        return
    logcontext.add(camera=batch.camera_id)
    is_saved = False
    while not is_saved:
        visit = visits.find(batch)
        context = build_context(visit)
        began = time.perf_counter()
        try:
            verdict = judge(context)
        except HSIError as error:
            end_without_judgement(job, batch, error)
            return
        seconds = time.perf_counter() - began
        histograms.stage("analysis", seconds)
        failpoints.reach("judged")
        judged = Judged(verdict, RulesAnalyzer().judge(context), visit.detection_count, seconds)
        is_saved = finish_job(job, batch, judged)
    failpoints.reach("event-acknowledged")


def end_without_judgement(job: Job, batch: Batch, error: HSIError) -> None:
    """Save a rule score. Raise `error`, unless the batch waits for the breaker of the analyser."""
    with transaction.atomic():
        save_early_score(batch)
    if not isinstance(error, CircuitOpenError) or job.attempts > 1:
        raise error
    get_queue(ANALYSIS_QUEUE).ack(job)


def finish_job(job: Job, batch: Batch, judged: Judged) -> bool:
    """Save a judgement and acknowledge its job.

    Return False and save nothing if the visit has grown since, and no other batch of it waits for a judgement.
    """
    with transaction.atomic():
        failpoints.reach_after_commit("event-committed")
        visits.lock(batch.camera_id)
        visit = visits.find(batch, for_update=True)
        if visit.detection_count != judged.detection_count and not visit.waits_for_others:
            logger.info("The visit of batch %s grew while it was judged, and is judged again", batch.pk)
            return False
        get_queue(ANALYSIS_QUEUE).ack(job)
        save_final_score(visit, judged)
    return True


def judge(context: Context) -> Verdict:
    """Ask the analyser. Raises `CircuitOpenError` while its breaker is open, and what the analyser raises."""
    # A language model is asked for its features, then for the verdict. The second one is asked after the first.
    one_server = settings.NEMOTRON_READ_TIMEOUT + settings.AI_HEALTH_TIMEOUT + 2 * settings.AI_CONNECT_TIMEOUT
    longest_seconds = 2 * one_server if settings.NEMOTRON_FALLBACK_URL else one_server
    with shared_breaker.guard(service(), longest_seconds):
        return get_analyzer().judge(context)


def save_early_score(batch: Batch) -> None:
    """Create or extend the event of a batch that is not judged yet, with a rule score. The event is `pending` then.

    A judgement by the language model is kept, unless the rules see a higher level now than when it was made.
    """
    visits.lock(batch.camera_id)
    batch = Batch.objects.select_related("camera").select_for_update(no_key=True, of=("self",)).get(pk=batch.pk)
    visit = visits.find(batch, for_update=True)
    event = visit.event
    if batch.state not in visits.WAITING or (event and event.detection_count == visit.detection_count):
        return
    rules = RulesAnalyzer().judge(build_context(visit))
    keeps_judgement = event is not None and event.risk_source == Event.Source.LLM and not _is_higher(rules, event)
    save_event(visit, rules, None if keeps_judgement else rules, Event.Analysis.PENDING)


def _is_higher(rules: Verdict, event: Event) -> bool:
    return event.rule_score is not None and rank(rules.risk_level) > rank(level_of(event.rule_score))


def save_final_score(visit: Visit, judged: Judged) -> None:
    """Save a judgement, and finish the batch. Do nothing if the batch is finished already.

    The event stays `pending` until all of its batches are judged, and keeps a verdict that knew more.
    """
    finished = Batch.objects.filter(pk=visit.batch.pk, state=Batch.State.CLOSED).update(
        state=Batch.State.ANALYSED, finished_at=timezone.now()
    )
    event = visit.event
    if not finished or (event and event.analysis == Event.Analysis.DONE and not _has_news(visit, event)):
        return
    knows_all = judged.detection_count == visit.detection_count
    knew_more = event is not None and event.judged_detection_count > judged.detection_count
    analysis = Event.Analysis.DONE if knows_all else Event.Analysis.PENDING
    save_event(visit, judged.rules, None if knew_more else judged.verdict, analysis, judged)


def _has_news(visit: Visit, event: Event) -> bool:
    return event.detection_count != visit.detection_count or len(visit.events) > 1


def save_event(
    visit: Visit, rules: Verdict, verdict: Verdict | None, analysis: Event.Analysis, judged: Judged | None = None
) -> None:
    """Save the event of a visit, its judgement and its alerts, and publish them.

    Without a `verdict` the event keeps the one that it has. The caller holds the lock of the camera.
    """
    is_new = visit.event is None
    event = visit.event or Event(camera_id=visit.batch.camera_id, continues=visit.continues)
    labels = labels_of_batches(batch.pk for batch in visit.batches)
    visits.absorb(event, visit.events[1:])
    event.started_at, event.ended_at = visit.started_at, visit.ended_at
    event.labels = list(dict.fromkeys(summary.label for summary in labels))
    event.detection_count = visit.detection_count
    event.is_fast_path = event.is_fast_path or visit.batch.is_fast_path
    event.is_digest = visit.is_digest
    event.ended = event.ended and visit.is_over(clock.now())  # `visits.end_due` ends it
    event.analysis = analysis
    event.updated_at = timezone.now()
    if verdict is not None:
        _set_verdict(event, rules, verdict, judged)
    event.save()
    messages = visits.attach(visit, event)
    habits.record(event, labels)
    if is_new:
        _measure_latency(visit.batch)
    if judged is not None:
        save_judgement(event, judged.verdict, judged.seconds)
    tracks = update_tracks(event, visit.detections)
    alerts = [] if event.deleted_at else evaluate(event, labels, tracks, is_new=is_new)
    publish_event("event.created" if is_new else "event.updated", event, [*messages, *alerts])
    transaction.on_commit(lambda: _log_saved(event, visit.batch))


def _set_verdict(event: Event, rules: Verdict, verdict: Verdict, judged: Judged | None) -> None:
    event.risk_score, event.risk_level, event.risk_source = verdict.risk_score, verdict.risk_level, verdict.source
    event.summary, event.reasoning = verdict.summary, verdict.reasoning
    event.recommended_action, event.model = verdict.recommended_action, verdict.model
    event.rule_score = rules.risk_score
    if judged is not None:
        event.judged_detection_count = judged.detection_count
        event.model_score = verdict.model_score


def save_judgement(event: Event, verdict: Verdict, seconds: float | None) -> None:
    """Store prompt and answer for later review. An event keeps its latest `Judgement.KEPT`."""
    Judgement.objects.create(
        event=event,
        duration_seconds=seconds,
        risk_source=verdict.source,
        risk_score=verdict.risk_score,
        risk_level=verdict.risk_level,
        model=verdict.model,
        picture_count=verdict.picture_count,
        prompt_tokens=verdict.prompt_tokens,
        answer_tokens=verdict.answer_tokens,
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


def _log_saved(event: Event, batch: Batch) -> None:
    with logcontext.also(camera=event.camera_id, batch=batch.pk, event=event.pk):
        logger.info("Risk %s by %s, analysis %s", event.risk_score, event.risk_source, event.analysis)


def mark_batch_dead(row_id: int, reason: str) -> None:
    """Mark a batch as failed when its job becomes a dead letter. A rule score stays, with its source.

    The event has failed, too, unless another batch of it waits for a judgement.
    """
    batch = Batch.objects.filter(pk=row_id, state=Batch.State.CLOSED).first()
    if batch is not None:
        visits.lock(batch.camera_id)
        Batch.objects.filter(pk=row_id, state=Batch.State.CLOSED).update(
            state=Batch.State.DEAD, finished_at=timezone.now()
        )
        if not Batch.objects.filter(event__batches=row_id, state__in=visits.WAITING).exists():
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
    events = Event.with_trash.filter(batches=batch_id, analysis=before)
    event = events.select_for_update(no_key=True, of=("self",)).first()
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
