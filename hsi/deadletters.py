"""What a person does about dead letters: find them, queue them again, or discard them.

A letter is resolved once, by a conditional update, in the transaction that lets its row wait again.
It stays, with its story, also when it was queued again: the next failure is a letter of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.module_loading import import_string

from hsi import audit
from hsi.models import DeadLetter
from hsi.queues import get_queue


@dataclass(frozen=True, slots=True)
class Resolution:
    """How many letters were queued again, and how many could not be: their row is gone or finished."""

    requeued: int
    without_row: int


def search(*, queue: str = "", error: str = "", text: str = "", ids: list[int] | None = None) -> QuerySet[DeadLetter]:
    """Open letters, newest first. `error` is an error type, `text` is looked for in what was said."""
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


def requeue(letter: DeadLetter, by: str) -> bool:
    """Let the letter's row wait again and queue it. False: its row is gone or finished, so it is discarded.

    Nothing happens to a letter that somebody else resolved first; that counts as done.
    """
    revive = import_string(settings.QUEUE_REVIVAL[letter.queue])
    with transaction.atomic():
        if not _resolve(letter, DeadLetter.State.REQUEUED, by):
            return True
        if revive(letter.row_id):
            get_queue(letter.queue).put(letter.row_id)
            return True
        DeadLetter.objects.filter(pk=letter.pk).update(state=DeadLetter.State.DISCARDED)
        audit.record("dead_letter_discarded", f"dead letter {letter.pk}", after={"why": "its row is gone or finished"})
        return False


def requeue_all(letters: QuerySet[DeadLetter], by: str) -> Resolution:
    """`requeue` for each of `letters`, the oldest first, at most MAX_REQUEUE_ITERATIONS of them."""
    numbers = list(letters.order_by("id").values_list("pk", flat=True)[: settings.MAX_REQUEUE_ITERATIONS])
    done = [requeue(letter, by) for letter in DeadLetter.objects.filter(pk__in=numbers).order_by("id").iterator(500)]
    return Resolution(done.count(True), done.count(False))


def retry(queue: str, row_id: int, by: str) -> bool:
    """Let one failed row wait again, with its open letters requeued. False: it is gone, or not failed.

    A row whose letter was discarded, or has gone by its age, can be tried again all the same.
    """
    letters = DeadLetter.objects.filter(queue=queue, row_id=row_id, state=DeadLetter.State.OPEN).order_by("-id")
    with transaction.atomic():
        waits = import_string(settings.QUEUE_REVIVAL[queue])(row_id)
        if waits:
            audit.record("tried_again", f"{queue} row {row_id}")
            for letter in letters:
                _resolve(letter, DeadLetter.State.REQUEUED, by)
            get_queue(queue).put(row_id)
    return bool(waits)


def discard(letter: DeadLetter, by: str) -> bool:
    """Close the letter without another try. Its row stays failed. False where it was resolved before."""
    with transaction.atomic():
        return _resolve(letter, DeadLetter.State.DISCARDED, by)


def discard_all(letters: QuerySet[DeadLetter], by: str) -> int:
    """`discard` for each of `letters`, the oldest first, at most MAX_REQUEUE_ITERATIONS of them; how many."""
    return sum(discard(letter, by) for letter in letters.order_by("id")[: settings.MAX_REQUEUE_ITERATIONS])


def _resolve(letter: DeadLetter, state: DeadLetter.State, by: str) -> bool:
    changed = DeadLetter.objects.filter(pk=letter.pk, state=DeadLetter.State.OPEN).update(
        state=state, resolved_at=timezone.now(), resolved_by=by
    )
    if changed:
        about = {"queue": letter.queue, "row": letter.row_id, "error": letter.error_type}
        audit.record(f"dead_letter_{state.value}", f"dead letter {letter.pk}", before=about)
    return bool(changed)
