"""Dead letters: the row of a failed job, and the actions on it: search, requeue and discard.

A conditional update resolves a dead letter once, in the transaction that queues its row again. The dead letter stays
with its history. Another failure creates a new one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max, Min, Q, QuerySet
from django.utils import timezone

from hsi import audit
from hsi.errors import HSIError
from hsi.logs.redaction import redact
from hsi.models import DeadLetter
from hsi.queues import Failure, Job, QueueName, get_handler, get_queue

MOST_GROUPS = 50
SHOWN_TEXT = 300


@dataclass(frozen=True, slots=True)
class Resolution:
    """The result for each dead letter by id. None: another user resolved it first."""

    states: dict[int, DeadLetter.State | None]

    @property
    def requeued(self) -> int:
        return list(self.states.values()).count(DeadLetter.State.REQUEUED)

    @property
    def discarded(self) -> int:
        return list(self.states.values()).count(DeadLetter.State.DISCARDED)


@dataclass(frozen=True, slots=True)
class Group:
    """Open dead letters with one cause: the same queue and error type. `text` is the message of the newest."""

    queue: str
    error_type: str
    count: int
    first_failed_at: datetime
    last_failed_at: datetime
    text: str

    @property
    def query(self) -> str:
        return urlencode({"queue": self.queue, "error": self.error_type})


def dead_letter(job: Job, reason: str, error: BaseException, stack: str) -> DeadLetter:
    """Store a failed job with its attempt history, without secrets."""
    last = Failure.of(error)
    failures = [*job.failures, last.as_dict()]
    return DeadLetter.objects.create(
        queue=job.queue,
        row_id=job.row_id,
        payload={"row_id": job.row_id, "enqueued_at": job.enqueued_at, "trace": job.trace},
        reason=reason,
        error_type=last.error,
        error_text=last.text,
        stack=redact(stack.replace("\0", "")),
        http_status=last.http_status,
        response_body=redact(error.body if isinstance(error, HSIError) else ""),
        attempts=job.attempts,
        failures=failures,
        first_failed_at=datetime.fromisoformat(failures[0]["at"]).astimezone(UTC),
        last_failed_at=timezone.now(),
    )


def groups() -> list[Group]:
    """Return the causes of all open dead letters, the most frequent first."""
    found = (
        DeadLetter.objects.filter(state=DeadLetter.State.OPEN)
        .order_by()
        .values("queue", "error_type")
        .annotate(count=Count("id"), first=Min("first_failed_at"), last=Max("last_failed_at"), newest=Max("id"))
        .order_by("-count", "queue", "error_type")[:MOST_GROUPS]
    )
    rows = list(found)
    texts = dict(DeadLetter.objects.filter(pk__in=[row["newest"] for row in rows]).values_list("pk", "error_text"))
    return [
        Group(
            row["queue"], row["error_type"], row["count"], row["first"], row["last"],
            redact(texts.get(row["newest"], ""))[:SHOWN_TEXT],
        )
        for row in rows
    ]  # fmt: skip


def search(*, queue: str = "", error: str = "", text: str = "", ids: list[int] | None = None) -> QuerySet[DeadLetter]:
    """Return open dead letters, newest first. `error` is an error type. `text` is searched in the messages."""
    letters = DeadLetter.objects.filter(state=DeadLetter.State.OPEN)
    if queue:
        letters = letters.filter(queue=queue)
    if error:
        letters = letters.filter(error_type=error)
    if text:
        letters = letters.filter(Q(error_text__icontains=text) | Q(response_body__icontains=text))
    if ids is not None:
        letters = letters.filter(pk__in=ids)
    return letters.order_by("-id")


def requeue(letter: DeadLetter, by: str) -> DeadLetter.State | None:
    """Queue the row of a dead letter again: REQUEUED. DISCARDED: the row is gone or finished.

    None: another user resolved it first, and nothing changes.
    """
    with transaction.atomic():
        if not _resolve(letter, DeadLetter.State.REQUEUED, by):
            return None
        queue = QueueName(letter.queue)
        if get_handler(queue).on_requeue(letter.row_id):
            get_queue(queue).put(letter.row_id)
            return DeadLetter.State.REQUEUED
        DeadLetter.objects.filter(pk=letter.pk).update(state=DeadLetter.State.DISCARDED)
        audit.record("dead_letter_discarded", f"dead letter {letter.pk}", after={"why": "its row is gone or finished"})
        return DeadLetter.State.DISCARDED


Resolve = Callable[[DeadLetter, str], DeadLetter.State | None]


def each(resolve: Resolve, letters: QuerySet[DeadLetter], by: str) -> Resolution:
    """Apply `resolve` (`requeue` or `discard`) to `letters`, oldest first, at most MAX_REQUEUE_ITERATIONS."""
    numbers = list(letters.order_by("id").values_list("pk", flat=True)[: settings.MAX_REQUEUE_ITERATIONS])
    chosen = DeadLetter.objects.filter(pk__in=numbers).order_by("id").iterator(500)
    return Resolution({letter.pk: resolve(letter, by) for letter in chosen})


def retry(queue: QueueName, row_id: int, by: str) -> bool:
    """Queue one failed row again and resolve its open dead letters. False: it is gone, or not failed.

    This also works for a row whose dead letter was discarded or removed by retention.
    """
    letters = DeadLetter.objects.filter(queue=queue, row_id=row_id, state=DeadLetter.State.OPEN).order_by("-id")
    with transaction.atomic():
        waits = get_handler(queue).on_requeue(row_id)
        if waits:
            audit.record("tried_again", f"{queue} row {row_id}")
            for letter in letters:
                _resolve(letter, DeadLetter.State.REQUEUED, by)
            get_queue(queue).put(row_id)
    return bool(waits)


def discard(letter: DeadLetter, by: str) -> DeadLetter.State | None:
    """Resolve the dead letter without another attempt. Its row stays failed. None: it was resolved before."""
    with transaction.atomic():
        return DeadLetter.State.DISCARDED if _resolve(letter, DeadLetter.State.DISCARDED, by) else None


def _resolve(letter: DeadLetter, state: DeadLetter.State, by: str) -> bool:
    changed = DeadLetter.objects.filter(pk=letter.pk, state=DeadLetter.State.OPEN).update(
        state=state, resolved_at=timezone.now(), resolved_by=by
    )
    if changed:
        about = {"queue": letter.queue, "row": letter.row_id, "error": letter.error_type}
        audit.record(f"dead_letter_{state.value}", f"dead letter {letter.pk}", before=about)
    return bool(changed)


def expired(now: datetime) -> QuerySet[DeadLetter]:
    """Return the resolved dead letters that are too old."""
    before = now - timedelta(days=settings.DEAD_LETTER_RETENTION_DAYS)
    return DeadLetter.objects.exclude(state=DeadLetter.State.OPEN).filter(resolved_at__lt=before)
