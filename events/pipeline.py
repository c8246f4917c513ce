"""A batch becomes an event: told early by rules where it must not wait, judged once.

The event row is made by whoever comes first and updated by the rest, always under the batch's lock;
a judgement is never replaced by an early telling.
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
from events.alerting.evaluate import Message, evaluate
from events.alerting.sightings import sightings
from events.analyzers import Context, Verdict, get_analyzer, service
from events.analyzers.rules import RulesAnalyzer
from events.context import build_context
from events.models import Event, Judgement
from events.serializers import event_data
from hsi import failpoints
from hsi.db import clock
from hsi.errors import CircuitOpenError, HSIError
from hsi.logs import context as logcontext
from hsi.metrics import histograms
from hsi.outbound import shared_breaker
from hsi.outbox import publish
from hsi.queues import ANALYSIS_QUEUE, FAST_PATH_QUEUE, Job, get_queue

logger = logging.getLogger(__name__)


def tell_at_once(job: Job) -> None:
    """The work of a fast path job: an event with a rule score, before the batch closes."""
    batch = Batch.objects.select_related("camera").filter(pk=job.row_id).first()
    if batch is None:
        get_queue(FAST_PATH_QUEUE).ack(job)
        return
    verdict = RulesAnalyzer().judge(build_context(batch))
    with transaction.atomic():
        failpoints.reach_after_commit("told-at-once")
        get_queue(FAST_PATH_QUEUE).ack(job)
        write_early(batch, verdict)


def analyse_batch(job: Job) -> None:
    """The work of an analysis job: context, judgement, event. Raises `HSIError` when it cannot be judged now.

    In that case the event is told with a rule score and the job comes back: the same event is
    re-judged when the language model answers. While its breaker is open the job is done with the
    telling, and `events.pending` queues the batch again; except where an attempt has failed or died
    before, which must go on being counted.
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
        tell_without_judgement(batch, context)
        if not isinstance(error, CircuitOpenError) or job.attempts > 1:
            raise
        get_queue(ANALYSIS_QUEUE).ack(job)
        return
    failpoints.reach("judged")
    with transaction.atomic():
        failpoints.reach_after_commit("event-committed")
        get_queue(ANALYSIS_QUEUE).ack(job)
        write_judgement(batch, verdict, seconds)
    failpoints.reach("event-acknowledged")


def judge(context: Context) -> Verdict:
    """Ask the analyser, unless its breaker is open: then `CircuitOpenError`."""
    # A language model is asked for its name, then for the verdict.
    longest_seconds = settings.NEMOTRON_READ_TIMEOUT + settings.AI_HEALTH_TIMEOUT + 2 * settings.AI_CONNECT_TIMEOUT
    with shared_breaker.guard(service(), longest_seconds):
        return get_analyzer().judge(context)


def tell_without_judgement(batch: Batch, context: Context) -> None:
    """The analyser is away or failed: tell the event now, by rules, unless that was done before."""
    if Event.with_trash.filter(batch=batch, detection_count=batch.detection_count).exists():
        return
    with transaction.atomic():
        write_early(batch, RulesAnalyzer().judge(context))


def write_early(batch: Batch, verdict: Verdict) -> None:
    """Create or refresh the batch's event with a rule score, still `pending`. A judged event stays as it is."""
    batch = Batch.objects.select_for_update(no_key=True).get(pk=batch.pk)
    event = held_event(batch)
    if event and event.analysis != Event.Analysis.PENDING:
        return
    write(batch, event, verdict, Event.Analysis.PENDING)


def write_judgement(batch: Batch, verdict: Verdict, seconds: float | None = None) -> None:
    """Store the judgement, which took `seconds`, and finish the batch. Nothing happens where somebody else has."""
    finished = Batch.objects.filter(pk=batch.pk, state=Batch.State.CLOSED).update(
        state=Batch.State.ANALYSED, finished_at=timezone.now()
    )
    if not finished:
        return
    batch.refresh_from_db()
    write(batch, held_event(batch), verdict, Event.Analysis.DONE, seconds)


def held_event(batch: Batch) -> Event | None:
    """The batch's event, locked: what a person says about it meanwhile is not overwritten."""
    return Event.with_trash.select_for_update(no_key=True).filter(batch=batch).first()


def keep(event: Event, verdict: Verdict, seconds: float | None) -> None:
    """What was asked and answered, for whoever doubts the verdict; of an event the newest few."""
    Judgement.objects.create(
        event=event,
        seconds=seconds,
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


def write(
    batch: Batch, event: Event | None, verdict: Verdict, analysis: Event.Analysis, seconds: float | None = None
) -> None:
    """Write the event, its alerts and the messages that tell them. The caller holds the batch's lock."""
    kind = "event.updated" if event else "event.created"
    event = event or Event(batch=batch, camera_id=batch.camera_id)
    event.started_at, event.ended_at = batch.started_at, batch.ended_at
    event.risk_score, event.risk_level = verdict.risk_score, verdict.risk_level
    event.risk_source = verdict.source
    event.analysis = analysis
    event.summary, event.reasoning = verdict.summary, verdict.reasoning
    event.recommended_action, event.model = verdict.recommended_action, verdict.model
    seen = sightings([batch.pk]).get(batch.pk, [])
    event.labels = list(dict.fromkeys(one.label for one in seen))
    event.detection_count = batch.detection_count
    event.is_fast_path = batch.is_fast_path
    event.updated_at = timezone.now()
    if event.pk is None:
        _time_the_way(batch)
    event.save()
    transaction.on_commit(lambda: _written(event))
    if analysis == Event.Analysis.DONE:
        keep(event, verdict, seconds)
    alerts = [] if event.deleted_at else evaluate(event, seen, is_new=kind == "event.created")
    tell(kind, event, alerts)


def _written(event: Event) -> None:
    with logcontext.also(camera=event.camera_id, batch=event.batch_id, event=event.pk):
        logger.info("Risk %s by %s, analysis %s", event.risk_score, event.risk_source, event.analysis)


def tell(kind: str, event: Event, alerts: Sequence[Message] = ()) -> None:
    """Publish the event, then its alerts. One in the trash goes on being judged, and nobody hears of it."""
    if event.deleted_at is None:
        publish.publish((kind, event.camera_id, event_data(event)), *alerts)


def _time_the_way(batch: Batch) -> None:
    """How long it took from the batch's first picture to its event."""
    uploads = Detection.objects.filter(batch=batch)
    if first := uploads.aggregate(first=Min("upload__received_at"))["first"]:
        seconds = (clock.now() - first).total_seconds()
        transaction.on_commit(lambda: histograms.stage("upload_to_event", seconds))


def mark_batch_dead(row_id: int, reason: str) -> None:
    """The analysis job becomes a dead letter: the batch and its event say so. A rule score stays, with its source."""
    Batch.objects.filter(pk=row_id, state=Batch.State.CLOSED).update(state=Batch.State.DEAD, finished_at=timezone.now())
    _mark_event(row_id, Event.Analysis.PENDING, Event.Analysis.FAILED)
    logger.error("Batch %s could not be judged: %s", row_id, reason)


def _mark_event(batch_id: int, before: Event.Analysis, after: Event.Analysis) -> None:
    event = Event.with_trash.select_for_update(no_key=True).filter(batch_id=batch_id, analysis=before).first()
    if event is None:
        return
    event.analysis, event.updated_at = after, timezone.now()
    event.save(update_fields=["analysis", "updated_at"])
    tell("event.updated", event)


def requeue_batch(row_id: int) -> bool:
    """A failed batch waits for its judgement again, and its event says so. False: it is gone, or not failed."""
    requeued = Batch.objects.filter(pk=row_id, state=Batch.State.DEAD).update(
        state=Batch.State.CLOSED, finished_at=None
    )
    if requeued:
        _mark_event(row_id, Event.Analysis.FAILED, Event.Analysis.PENDING)
    return bool(requeued)


def requeue_fast_path(row_id: int) -> bool:
    """Telling at once only helps while the batch is open and untold."""
    return Batch.objects.open().filter(pk=row_id, event__isnull=True).exists()


def log_fast_path_failure(row_id: int, reason: str) -> None:
    """The fast path failed. Nothing is lost: the batch is analysed when it closes."""
    logger.error("Batch %s could not be told at once: %s", row_id, reason)
