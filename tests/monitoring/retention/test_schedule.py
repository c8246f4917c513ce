from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from cameras.models import Upload
from detection.models import Batch
from hsi.models import DeadLetter, StreamHead, StreamMessage
from hsi.outbox import publish
from hsi.outbox.messages import NO_CAMERA, Message
from monitoring import housekeeping
from monitoring.housekeeping import Housekeeper
from monitoring.retention import records, rules, run, schedule, units
from monitoring.retention.schedule import Retention
from tests import factories
from tests.monitoring.metrics import recordings

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_free_space_limit")]

NOW = timezone.now()


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "CHUNK", 2)
    monkeypatch.setattr(run, "CHUNK", 2)


def old_pictures(count: int) -> None:
    camera = factories.camera()
    for number in range(count):
        recordings.picture(camera, NOW - timedelta(days=40, minutes=number))


def turns(retention: Retention) -> Iterator[int]:
    """How many uploads are left after each turn."""
    while retention.step():
        yield Upload.objects.count()


def test_what_piled_up_while_nobody_ran_goes_a_chunk_a_turn(small_chunks: None):
    old_pictures(7)
    left = list(turns(Retention()))
    assert [before - after for before, after in zip([7, *left], left, strict=False) if before != after] == [2, 2, 2, 1]
    assert left[-1] == 0


def test_housekeeping_goes_on_with_its_other_work_in_between(small_chunks: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(housekeeping, "RECONCILE_SECONDS", 0.0)
    old_pictures(6)
    loop = Housekeeper()
    assert loop.step() == 0
    factories.batch(state=Batch.State.CLOSED)
    assert Upload.objects.exists()
    loop.step()
    assert loop.done == 1
    assert Upload.objects.exists()


def test_with_nothing_to_do_housekeeping_sleeps_until_somebody_may_have_asked_for_something():
    loop = Housekeeper()
    pauses = [loop.step() for _ in range(20)]
    assert pauses[0] == 0
    assert pauses[-1] == pytest.approx(housekeeping.BULK_JOB_SECONDS, abs=0.5)


def test_after_a_run_it_rests():
    retention = Retention()
    list(turns(retention))
    old_pictures(1)
    assert list(turns(retention)) == []
    assert Upload.objects.count() == 1


def test_a_disk_short_of_room_is_seen_before_the_next_run_is_due(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(schedule, "SPACE_CHECK_SECONDS", 0.0)
    retention = Retention()
    list(turns(retention))
    camera = factories.camera()
    recordings.picture(camera, NOW - timedelta(days=2))
    lacking = [1, 1, 0]
    monkeypatch.setattr(rules, "missing_bytes", lambda: lacking.pop(0) if lacking else 0)
    list(turns(retention))
    assert not Upload.objects.exists()


def test_a_task_that_fails_is_not_repeated_at_once(monkeypatch: pytest.MonkeyPatch):
    def fails() -> Iterator[int]:
        raise OSError("the disk is on fire")
        yield 0

    monkeypatch.setattr(schedule, "_prune", fails)
    retention = Retention()
    with pytest.raises(OSError, match="on fire"):
        retention.step()
    list(turns(retention))
    assert retention._pruning.due_at > time.monotonic() + schedule.PRUNE_SECONDS / 2


def messages(*ages_days: float) -> None:
    publish.publish(*[Message("system.status", NO_CAMERA, {}) for _ in ages_days])
    for message, age in zip(StreamMessage.objects.order_by("seq"), ages_days, strict=True):
        StreamMessage.objects.filter(pk=message.pk).update(created_at=NOW - timedelta(days=age))


@pytest.mark.made_up_messages
def test_old_messages_go_from_the_front_and_numbers_go_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(records, "CHUNK", 2)
    messages(9, 9, 8, 8, 7.5, 6, 9, 1)  # a clock that was set back leaves one that looks old among the young
    assert sum(records.forget(NOW)) == 5
    assert list(StreamMessage.objects.order_by("seq").values_list("seq", flat=True)) == [6, 7, 8]
    assert StreamHead.objects.get().seq == publish.newest() == 8


@pytest.mark.made_up_messages
def test_when_all_messages_are_old_the_newest_number_is_still_known():
    messages(9, 9, 9)
    list(records.forget(NOW))
    assert not StreamMessage.objects.exists()
    publish.publish(Message("system.status", NO_CAMERA, {}))
    assert StreamMessage.objects.get().seq == 4


def test_dead_letters_go_long_after_they_were_dealt_with_and_open_ones_never(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(records, "CHUNK", 2)
    long_ago = NOW - timedelta(days=100)
    for state, resolved_at in (
        *[("discarded", long_ago)] * 3, ("requeued", long_ago), ("discarded", NOW - timedelta(days=80)), ("open", None),
    ):  # fmt: skip
        DeadLetter.objects.create(
            queue="q", row_id=1, reason="refused", error_type="X", first_failed_at=long_ago, last_failed_at=long_ago,
            created_at=long_ago, state=state, resolved_at=resolved_at,
        )  # fmt: skip
    assert sum(records.forget(NOW)) == 4
    assert sorted(DeadLetter.objects.values_list("state", flat=True)) == ["discarded", "open"]
