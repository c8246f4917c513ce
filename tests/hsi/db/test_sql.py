from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from cameras.models import Camera, Upload
from detection.models import Batch, Detection, StaticObject
from hsi.db import pooler, sql
from hsi.db.sql import execute, executemany
from hsi.models import DeadLetter, StreamMessage
from tests import factories

pytestmark = pytest.mark.django_db

THEN = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def values(row: Upload | Batch | Detection | DeadLetter | None) -> dict[str, object]:
    assert row
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_a_row_is_read_as_a_queryset_reads_it() -> None:
    upload = factories.upload(clock_skew=True, duration_seconds=1.5, captured_at=THEN)
    factories.upload(upload.camera)
    (found,) = sql.select(Upload, "id=%(id)s", {"id": upload.pk})
    assert values(found) == values(Upload.objects.get(pk=upload.pk))
    assert found.captured_at == THEN
    assert found.clock_skew is True
    assert not found._state.adding


def test_a_json_column_is_read_as_what_it_holds() -> None:
    factories.camera()
    letter = DeadLetter.objects.create(
        queue="a",
        row_id=1,
        reason="b",
        error_type="c",
        first_failed_at=THEN,
        last_failed_at=THEN,
        failures=[{"at": "x"}],
    )
    (found,) = sql.select(DeadLetter, "id=%(id)s", {"id": letter.pk})
    assert found.failures == [{"at": "x"}]


def test_times_are_compared_as_a_queryset_compares_them() -> None:
    early, late = factories.batch(ended_at=THEN), factories.batch(ended_at=THEN.replace(microsecond=123457))
    condition = "ended_at<=%(at)s ORDER BY id"
    assert sql.select(Batch, condition, {"at": sql.prepared(Batch, "ended_at", THEN)}) == [early]
    assert sql.select(Batch, condition, {"at": sql.prepared(Batch, "ended_at", late.ended_at)}) == [early, late]


def test_a_row_is_locked_save_for_those_who_refer_to_it() -> None:
    camera = factories.camera()
    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        sql.lock(Camera, camera.pk)
        sql.ask(Camera, "id=%(id)s", {"id": camera.pk}, lock=True)
    locks = [query["sql"] for query in queries if "FOR NO KEY UPDATE" in query["sql"]]
    assert len(locks) == (2 if connection.vendor == "postgresql" else 0)


def test_an_update_reaches_the_row_and_the_object() -> None:
    batch = factories.batch()
    assert sql.update(batch, {"detection_count": 7, "due_at": THEN, "finished_at": None})
    stored = Batch.objects.get(pk=batch.pk)
    assert (stored.detection_count, stored.due_at, stored.finished_at) == (7, THEN, None)
    assert values(batch) == values(stored)


def test_an_update_whose_condition_does_not_hold_changes_neither() -> None:
    upload = factories.upload(state=Upload.State.EMPTY)
    assert not sql.update(upload, {"attempts": 9}, only_if="state='waiting'")
    assert upload.attempts == 0
    assert Upload.objects.get(pk=upload.pk).attempts == 0


def test_rows_are_inserted_as_bulk_create_inserts_them() -> None:
    batch = factories.batch()
    upload = factories.upload(batch.camera)
    made = [
        {
            "upload_id": upload.pk, "batch_id": batch.pk, "camera_id": batch.camera_id, "ordinal": ordinal,
            "captured_at": THEN, "label": "50% off", "confidence": 0.5, "x": 0.0, "y": 0.125, "width": 0.5,
            "height": 0.25, "frame_offset": None, "zones": ["yard", "gate"], "track": 3, "ignored": "",
        }
        for ordinal in range(3)
    ]  # fmt: skip
    sql.insert(Detection, made[:2])
    Detection.objects.bulk_create(Detection(**values) for values in made[2:])
    ours, theirs = Detection.objects.order_by("ordinal")[1:3]
    same = ("id", "ordinal")
    assert {k: v for k, v in values(ours).items() if k not in same} == {
        k: v for k, v in values(theirs).items() if k not in same
    }


def test_a_key_of_ones_own_and_json_are_inserted() -> None:
    data = {"label": "50% off", "n": None}
    sql.insert(StreamMessage, [{"seq": 17, "type": "a", "camera": "", "data": data, "created_at": THEN}])
    stored = StreamMessage.objects.get(seq=17)
    assert stored.data == {"label": "50% off", "n": None}
    assert stored.created_at == THEN


def test_in_a_pipeline_each_statement_gets_its_own_result() -> None:
    first, second = factories.batch(), factories.batch()
    with transaction.atomic(), sql.pipeline():
        asked = [sql.ask(Batch, "id=%(id)s", {"id": batch.pk}, lock=True) for batch in (first, second)]
        sql.write(first, {"detection_count": 3})
        asked.append(sql.ask(Batch, "detection_count=%(count)s", {"count": 3}))
        assert not sql.update(second, {"detection_count": 4}, only_if="state='dead'")
        assert sql.update(second, {"detection_count": 4}, only_if="state<>'dead'")
        # Managers and querysets work in it, too.
        assert Batch.objects.filter(pk__in=[first.pk, second.pk]).update(upload_count=9) == 2
        assert Batch.objects.filter(pk=0).update(upload_count=9) == 0
        assert Batch.objects.filter(upload_count=9).count() == 2
        assert [answer.rows() for answer in asked] == [[first], [second], [first]]
    assert set(Batch.objects.values_list("detection_count", "upload_count")) == {(3, 9), (4, 9)}


class MissedError(Exception): ...


def test_an_expected_count_is_checked_before_the_commit() -> None:
    batch = factories.batch()
    statement = "UPDATE detection_batch SET detection_count=9 WHERE id=%(id)s"
    with transaction.atomic(), sql.pipeline():
        sql.expect(1, MissedError, statement, {"id": batch.pk})
    assert Batch.objects.get(pk=batch.pk).detection_count == 9

    def miss() -> None:
        with transaction.atomic(), sql.pipeline():
            sql.write(batch, {"detection_count": 10})
            sql.expect(1, MissedError, statement, {"id": batch.pk + 1})

    with pytest.raises(MissedError):
        miss()
    with pytest.raises(MissedError), transaction.atomic():
        sql.expect(2, MissedError, statement, {"id": batch.pk})
    assert Batch.objects.get(pk=batch.pk).detection_count == 9


@pytest.mark.parametrize("reads", [True, False])
def test_a_statement_that_fails_in_a_pipeline_ends_its_transaction_only(reads: bool) -> None:
    batch = factories.batch()
    statement = "INSERT INTO detection_scene (camera_id,pictures,candidates) VALUES (%(id)s,-1,'[]')"

    def fail() -> None:
        with transaction.atomic(), sql.pipeline():
            sql.write(batch, {"detection_count": 5})
            sql.execute(statement, {"id": batch.camera_id})
            asked = sql.ask(Batch, "id=%(id)s", {"id": batch.pk})
            if reads:
                asked.rows()

    with pytest.raises(IntegrityError):
        fail()
    assert Batch.objects.get(pk=batch.pk).detection_count == 0
    assert sql.update(batch, {"detection_count": 6})


def test_a_pipeline_sends_its_statements_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a pooler, it waits for each."""
    if connection.vendor != "postgresql":
        return
    batch = factories.batch()

    def counts() -> list[int]:
        with transaction.atomic(), sql.pipeline():
            cursors = [sql.execute("SELECT id FROM detection_batch", {}).cursor for _ in range(3)]
            waiting = sum(connection.connection.pgconn.pipeline_status != 0 for _ in cursors)
            return [waiting, len({id(cursor) for cursor in cursors})]

    assert counts() == [3, 3]
    monkeypatch.setattr(pooler, "_found", True)
    assert counts() == [0, 1]
    assert sql.select(Batch, "true", {}) == [batch]


def test_odd_text_and_fractions_are_stored_as_they_are() -> None:
    text = "\\u0041 'a' \"b\" {c} \n\t\\ ünï 🎥 \u2028</script>"
    camera = factories.camera()
    upload, batch = factories.upload(camera), factories.batch(camera)
    sql.insert(
        Detection,
        [
            {
                "upload_id": upload.pk, "batch_id": batch.pk, "camera_id": camera.pk, "ordinal": 0,
                "captured_at": THEN, "label": text, "confidence": 0.1 + 0.2, "x": 1e-17, "y": 1 / 3, "width": 0.5,
                "height": 0.25, "frame_offset": 7.25, "zones": [], "track": None, "ignored": "",
            }
        ],
    )  # fmt: skip
    stored = Detection.objects.get()
    assert (stored.label, stored.confidence, stored.x, stored.y) == (text, 0.1 + 0.2, 1e-17, 1 / 3)
    assert (stored.frame_offset, stored.captured_at) == (7.25, THEN)


def test_nothing_is_asked_to_insert_nothing() -> None:
    with CaptureQueriesContext(connection) as queries:
        sql.insert(Detection, [])
    assert not list(queries)


@pytest.mark.django_db(transaction=True)
def test_the_thread_keeps_its_cursor() -> None:
    assert execute("SELECT %(n)s+1", {"n": 1}).fetchall() == [(2,)]
    first = execute("SELECT 1", [])
    assert execute("SELECT 2", []) is first


@pytest.mark.django_db(transaction=True)
def test_another_connection_has_another_cursor() -> None:
    first = execute("SELECT 1", [])
    connection.close()
    again = execute("SELECT 2", [])
    assert again is not first
    assert again.fetchall() == [(2,)]


@pytest.mark.django_db(transaction=True)
def test_who_looks_at_the_queries_sees_them_and_only_while_looking() -> None:
    execute("SELECT 1", [])
    with CaptureQueriesContext(connection) as captured:
        execute("SELECT 2", [])
    execute("SELECT 3", [])
    assert [query["sql"] for query in captured.captured_queries] == ["SELECT 2"]


@pytest.mark.django_db(transaction=True)
def test_many_rows_are_one_call() -> None:
    factories.camera("a")
    factories.camera("b")
    executemany("UPDATE cameras_camera SET name=%s WHERE id=%s", [("A", "a"), ("B", "b")])
    assert execute("SELECT name FROM cameras_camera ORDER BY id", []).fetchall() == [("A",), ("B",)]


def test_many_rows_are_updated_in_one_call_and_rows_that_are_gone_are_skipped() -> None:
    first, second, other = (factories.static_object() for _ in range(3))
    for n, row in enumerate((first, second)):
        row.sightings, row.x, row.last_seen_at, row.appeared_at, row.label = 7 + n, 0.123, THEN, None, "it's %s"
    StaticObject.objects.filter(pk=second.pk).delete()
    with CaptureQueriesContext(connection) as queries:
        sql.update_many(StaticObject, [first, second], ["sightings", "x", "last_seen_at", "appeared_at", "label"])
    assert len(queries) == 1
    stored = StaticObject.objects.get(pk=first.pk)
    assert (stored.sightings, stored.x, stored.last_seen_at, stored.label) == (7, 0.123, THEN, "it's %s")
    assert StaticObject.objects.get(pk=other.pk).sightings == other.sightings


def test_rows_are_deleted_by_their_ids() -> None:
    first, second = factories.static_object(), factories.static_object()
    sql.delete(StaticObject, [first.pk])
    sql.delete(StaticObject, [])
    assert list(StaticObject.objects.all()) == [second]
