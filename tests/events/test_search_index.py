"""The index holds what the rows hold, whoever writes them, and whatever becomes of the transaction."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from events import search_index
from events.models import Event
from events.search import matching, parse
from tests import factories

pytestmark = pytest.mark.django_db


def found(text: str) -> set[int]:
    return set(matching(Event.objects.all(), parse(text)).values_list("pk", flat=True))


def test_an_event_is_found_by_what_it_says_now_and_no_longer_by_what_it_said():
    event = factories.event(summary="A fox crosses.", notes="", reasoning="", labels=["dog"])
    assert found("fox") == found("dog") == {event.pk}
    Event.objects.filter(pk=event.pk).update(summary="A badger crosses.", labels=["cat", "sports ball"], notes="odd")
    assert found("fox") == found("dog") == set()
    assert found("badger") == found("cat") == found('"sports ball"') == found("odd") == {event.pk}
    Event.objects.all().delete()
    assert found("badger") == set()


def test_rows_written_in_bulk_and_by_sql_are_found():
    camera, times = factories.camera(), {"started_at": factories.NOW, "ended_at": factories.NOW}
    Event.objects.bulk_create([Event(camera=camera, summary="fox", **times) for _ in range(2)])
    first, second = Event.objects.order_by("pk")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE events_event SET summary = 'owl' WHERE id = %s", [second.pk])
    assert found("fox") == {first.pk}
    assert found("owl") == {second.pk}


def test_what_is_rolled_back_leaves_nothing_in_the_index():
    event = factories.event(summary="fox")
    with transaction.atomic():
        Event.objects.filter(pk=event.pk).update(summary="owl")
        factories.event(summary="owl")
        transaction.set_rollback(True)
    assert (found("fox"), found("owl")) == ({event.pk}, set())


def test_a_text_longer_than_what_is_indexed_can_be_changed_and_deleted():
    long = "fox " + "word " * search_index.LONGEST_TEXT + "owl"
    event = factories.event(summary=long)
    assert (found("fox"), found("owl")) == ({event.pk}, set())
    Event.objects.filter(pk=event.pk).update(summary="owl")
    assert (found("fox"), found("owl")) == (set(), {event.pk})


def test_an_index_that_lost_its_triggers_is_made_anew_by_migrate():
    if connection.vendor != "sqlite":
        return  # a generated column cannot be lost
    event = factories.event(summary="fox")
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER events_search_update")
    Event.objects.filter(pk=event.pk).update(summary="owl")
    assert found("owl") == set()
    call_command("migrate", verbosity=0)
    assert (found("fox"), found("owl")) == (set(), {event.pk})
    Event.objects.filter(pk=event.pk).update(summary="jay")
    assert found("jay") == {event.pk}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_installing_indexes_what_is_there_and_can_be_undone():
    event = factories.event(summary="fox")
    search_index.remove(connection)
    try:
        with pytest.raises(DatabaseError):
            found("fox")
    finally:
        search_index.install(connection)
    assert found("fox") == {event.pk}
