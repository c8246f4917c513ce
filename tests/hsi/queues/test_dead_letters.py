from __future__ import annotations

from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import transaction

from cameras.models import Upload
from detection.loops import loops
from detection.models import Batch
from events.models import Event
from events.pipeline import mark_batch_dead
from hsi.models import DeadLetter, QueueJob, StreamMessage
from hsi.queues import ANALYSIS_QUEUE, DETECTION_QUEUE, dead_letters, get_queue
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def dead_upload() -> tuple[Upload, DeadLetter]:
    """An upload whose file is gone, given up by the real worker."""
    upload = factories.upload(state=Upload.State.WAITING)
    (settings.CAMERA_ROOT / upload.camera.folder).mkdir()
    get_queue(DETECTION_QUEUE).put(upload.pk)
    loops(1)[0].run(once=True)
    upload.refresh_from_db()
    assert upload.state == Upload.State.DEAD
    return upload, DeadLetter.objects.get(row_id=upload.pk, state="open")


@pytest.fixture(autouse=True)
def _folders(data_dir, settings):
    """The camera root exists; the files do not. One that is gone may come back, so it is tried again: here once."""
    settings.JOB_MAX_ATTEMPTS = 1


def test_a_letter_queued_again_lets_its_row_wait_and_stays_as_history():
    upload, letter = dead_upload()
    assert dead_letters.requeue(letter, "ann")
    upload.refresh_from_db()
    letter.refresh_from_db()
    assert (upload.state, upload.finished_at, upload.reason) == ("waiting", None, "")
    assert (letter.state, letter.resolved_by) == ("requeued", "ann")
    assert QueueJob.objects.get().row_id == upload.pk
    loops(1)[0].run(once=True)
    assert DeadLetter.objects.filter(row_id=upload.pk).count() == 2


def test_two_people_queue_it_again_once():
    _upload, letter = dead_upload()
    assert dead_letters.requeue(letter, "ann")
    QueueJob.objects.all().delete()
    assert dead_letters.requeue(letter, "ben") is None
    letter.refresh_from_db()
    assert letter.resolved_by == "ann"
    assert not QueueJob.objects.exists()


def test_a_letter_whose_row_is_gone_is_discarded():
    upload, letter = dead_upload()
    upload.delete()
    assert dead_letters.requeue(letter, "ann") == DeadLetter.State.DISCARDED
    letter.refresh_from_db()
    assert letter.state == "discarded"
    assert not QueueJob.objects.exists()


def test_a_failure_in_the_middle_changes_nothing(monkeypatch):
    upload, letter = dead_upload()

    def fail(self, row_id, **options):
        raise OSError("queue is away")

    monkeypatch.setattr("hsi.queues.database.DatabaseQueue.put", fail)
    with pytest.raises(OSError, match="away"):
        dead_letters.requeue(letter, "ann")
    upload.refresh_from_db()
    letter.refresh_from_db()
    assert (upload.state, letter.state) == ("dead", "open")


def test_a_failed_judgement_is_pending_again():
    batch = factories.batch(state=Batch.State.CLOSED)
    event = factories.event(batch=batch, analysis="pending")
    get_queue(ANALYSIS_QUEUE).put(batch.pk)
    job = get_queue(ANALYSIS_QUEUE).take(1, wait_seconds=0, lease_seconds=60)[0]
    with transaction.atomic():
        mark_batch_dead(batch.pk, "prose")
        get_queue(ANALYSIS_QUEUE).mark_dead(job, "attempts", ValueError("prose"))
    assert dead_letters.requeue(DeadLetter.objects.get(), "ann")
    event.refresh_from_db()
    batch.refresh_from_db()
    assert (event.analysis, batch.state) == (Event.Analysis.PENDING, Batch.State.CLOSED)
    told = StreamMessage.objects.order_by("seq").values_list("data__analysis", flat=True)
    assert list(told) == ["failed", "pending"]


def test_letters_are_found_by_queue_error_and_words():
    _, letter = dead_upload()
    assert list(dead_letters.search(queue="detection_queue", error="FileGoneError", text="REMOVED")) == [letter]
    for other in ({"queue": "analysis_queue"}, {"error": "KeyError"}, {"text": "timeout"}, {"ids": [0]}):
        assert not dead_letters.search(**other).exists()


def test_no_more_are_queued_again_at_a_time_than_the_setting_allows(settings):
    settings.MAX_REQUEUE_ITERATIONS = 2
    for _ in range(3):
        dead_upload()
    assert dead_letters.each(dead_letters.requeue, dead_letters.search(), "ann").requeued == 2
    assert dead_letters.search().count() == 1


def test_a_discarded_letter_says_who_did_it_and_its_row_stays_failed():
    upload, letter = dead_upload()
    assert dead_letters.discard(letter, "ann")
    assert not dead_letters.discard(letter, "ben")
    letter.refresh_from_db()
    upload.refresh_from_db()
    assert (letter.state, letter.resolved_by, upload.state) == ("discarded", "ann", "dead")


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("requeue_dead_letters", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_lists_requeues_and_discards():
    _, first = dead_upload()
    _, second = dead_upload()
    assert "FileGoneError" in command("--list")
    assert command(str(first.pk)) == "1 queued again\n"
    assert command("--all", "--discard", "--queue", "detection_queue") == "1 discarded\n"
    second.refresh_from_db()
    assert "command line" in second.resolved_by
    with pytest.raises(CommandError, match="--all"):
        command()
