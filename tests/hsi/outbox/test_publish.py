from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction

from hsi.models import LastPublishedState, StreamMessage
from hsi.outbox import publish as stream
from hsi.outbox import wakeup
from hsi.outbox.messages import CameraId, Message

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.made_up_messages]


def publish(*numbers: int) -> None:
    with transaction.atomic():
        stream.publish(*(Message("event.created", CameraId("front"), {"number": number}) for number in numbers))


@transaction.atomic
def publish_and_fail(number: int) -> None:
    stream.publish(Message("event.created", CameraId("front"), {"number": number}))
    raise ZeroDivisionError


def kept() -> list[tuple[int, int]]:
    """(seq, number) of every message."""
    return [(row.seq, row.data["number"]) for row in StreamMessage.objects.order_by("seq")]


def in_threads(*calls) -> None:
    """Run each call in a thread with a connection of its own."""

    def run(call) -> None:
        try:
            call()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def test_the_newest_number_is_0_before_the_first_message():
    assert stream.newest() == 0


def test_messages_are_numbered_in_the_order_they_were_given():
    publish(10, 11, 12)
    publish(13)
    assert kept() == [(1, 10), (2, 11), (3, 12), (4, 13)]
    assert stream.newest() == 4


def test_publishing_nothing_writes_nothing():
    stream.publish()
    assert stream.newest() == 0


def test_publishing_outside_of_a_transaction_is_refused():
    with pytest.raises(transaction.TransactionManagementError):
        stream.publish(Message("event.created", CameraId("front"), {}))
    assert kept() == []


def test_a_rollback_leaves_no_message_no_gap_and_sends_no_hint():
    hints: list[None] = []

    def heard() -> None:
        hints.append(None)

    wakeup.listen(heard)
    try:
        publish(1)
        with pytest.raises(ZeroDivisionError):
            publish_and_fail(2)
        publish(3)
    finally:
        wakeup.unlisten(heard)
    assert kept() == [(1, 1), (2, 3)]
    assert len(hints) == 2


def test_the_hint_comes_after_the_commit():
    seen: list[int] = []

    def look() -> None:
        in_threads(lambda: seen.append(StreamMessage.objects.count()))

    wakeup.listen(look)
    try:
        publish(1)
    finally:
        wakeup.unlisten(look)
    assert seen == [1]


def test_threads_that_publish_at_once_leave_no_gap_and_no_repeat():
    def many(start: int) -> None:
        for number in range(start, start + 10):
            publish(number, -number)

    in_threads(*(lambda start=start: many(start) for start in (100, 200, 300, 400)))
    rows = kept()
    assert [seq for seq, _ in rows] == list(range(1, 81))
    assert all(rows[place + 1][1] == -rows[place][1] for place in range(0, 80, 2))
    for start in (100, 200, 300, 400):
        own = [number for _, number in rows if start <= number < start + 10]
        assert own == list(range(start, start + 10))


def test_who_sees_a_number_sees_all_below_it():
    """A reader beside four writers: were numbers given before the commits are in order, it would meet a hole."""
    done = threading.Event()
    holes: list[list[int]] = []

    def read() -> None:
        while not done.is_set():
            seqs = list(StreamMessage.objects.order_by("seq").values_list("seq", flat=True))
            if seqs != list(range(1, len(seqs) + 1)):
                holes.append(seqs)
        connection.close()

    def write() -> None:
        for number in range(25):
            publish(number)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        in_threads(write, write, write, write)
    finally:
        done.set()
        reader.join(60)
    assert holes == []
    assert stream.newest() == 100


def test_each_change_is_news_once():
    assert [stream.record_change("door", state) for state in ("shut", "shut", "open", "open", "shut")] == [
        True, False, True, False, True,
    ]  # fmt: skip


def test_what_is_normal_is_no_news_of_a_subject_that_was_never_told_of():
    assert not stream.record_change("door", "shut", normal=("shut",))
    assert not LastPublishedState.objects.exists()
    assert stream.record_change("door", "open", normal=("shut",))
    assert stream.record_change("door", "shut", normal=("shut",))


def test_a_change_whose_message_was_rolled_back_is_still_news():
    with transaction.atomic():
        assert stream.record_change("door", "open")
        transaction.set_rollback(True)
    assert stream.record_change("door", "open")
