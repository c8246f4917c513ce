from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.db import DataError
from django.test import Client
from django.utils import timezone

from hsi.logs import buffer as logbuffer
from hsi.logs import context
from hsi.logs.buffer import BufferHandler, LogBuffer
from hsi.metrics import histogram_rows, histograms
from hsi.models import CounterValue
from monitoring import log_writer
from monitoring.models import LogEntry
from tests import factories

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture(autouse=True)
def buffer(monkeypatch: pytest.MonkeyPatch) -> LogBuffer:
    own = LogBuffer(most=500)
    monkeypatch.setattr(logbuffer, "buffer", own)
    monkeypatch.setattr(log_writer, "buffer", own)
    histograms.take()
    return own


def log(message: str, level: int = logging.INFO, **extra: Any) -> None:
    record = logging.LogRecord("cameras.intake.accept", level, __file__, 1, message, (), None)
    record.__dict__.update(extra)
    BufferHandler().handle(record)


def dropped() -> float:
    histogram_rows.flush()
    return sum(CounterValue.objects.filter(name=histograms.LOG_LINES_DROPPED).values_list("value", flat=True))


def test_a_line_of_a_job_names_its_upload_batch_and_camera():
    with context.bound(queue="detection_queue", row=28, request="r\0" + "x" * 100):
        context.add(camera="door")
        log("rejected: \0 <script>", logging.WARNING, duration_seconds=1.5)
    with context.bound(queue="analysis_queue", row=3, event=2**70, upload="no number"):
        log("judged")
    log_writer.Writer().flush()
    first, second = LogEntry.objects.order_by("id")
    assert (first.upload, first.batch, first.camera, first.queue) == (28, None, "door", "detection_queue")
    assert (first.level, first.message, first.duration_seconds) == (30, r"rejected: \x00 <script>", 1.5)
    assert len(first.request_id) == 64
    assert (second.batch, second.upload, second.event) == (3, None, None)


def test_many_lines_are_written_a_bounded_number_at_a_time(django_assert_max_num_queries: Any):
    for number in range(450):
        log(f"line {number}")
    with django_assert_max_num_queries(7):
        log_writer.Writer().flush()
    assert LogEntry.objects.count() == 450


def test_lines_that_were_dropped_are_counted_once(buffer: LogBuffer):
    for number in range(510):
        log(f"line {number}")
    writer = log_writer.Writer()
    writer.flush()
    writer.flush()
    assert dropped() == 10


def test_lines_that_the_database_never_takes_do_not_hold_up_others(monkeypatch: pytest.MonkeyPatch):
    def refuse(rows: Any) -> None:
        raise DataError("cannot be stored")

    writer = log_writer.Writer()
    with monkeypatch.context() as patched:
        patched.setattr(LogEntry.objects, "bulk_create", refuse)
        log("poison")
        writer.flush()
    log("fine")
    writer.flush()
    assert LogEntry.objects.get().message == "fine"
    assert dropped() == 1


def row(message: str = "text", **values: Any) -> LogEntry:
    defaults = {"created_at": NOW, "level": 20, "component": "cameras.intake.accept"}
    return LogEntry.objects.create(**{**defaults, "message": message, **values})


def test_the_list_is_narrowed_down(client: Client):
    client.force_login(factories.admin())
    rows = {
        "old": row("old", created_at=NOW - timedelta(hours=2)),
        "door": row("at the door", camera="door", upload=7, level=30, component="detection.pipeline"),
        "other": row("a Person came", batch=3, event=4, request_id="r1", level=40),
    }

    def found(**filters: str | int) -> set[str]:
        answer = client.get("/api/logs", filters)
        assert answer.status_code == 200, answer.content
        ids = {item["id"] for item in answer.json()["items"]}
        return {name for name, one in rows.items() if one.pk in ids}

    hour_ago = (NOW - timedelta(hours=1)).isoformat()
    assert found() == {"old", "door", "other"}
    assert found(level="WARNING") == {"door", "other"}
    assert found(component="detection") == {"door"}
    assert found(camera="door") == found(upload=7) == {"door"}
    assert found(batch=3) == found(event=4) == found(request_id="r1") == {"other"}
    assert found(after=hour_ago) == {"door", "other"}
    assert found(before=hour_ago) == {"old"}
    assert found(after=hour_ago, q="person") == {"other"}


@pytest.mark.parametrize(
    "filters", [{"q": "x"}, {"level": "LOUD"}, {"upload": 2**63}, {"camera": "a\0b"}, {"colour": "red"}, {"after": "x"}]
)
def test_what_is_no_filter_is_refused(client: Client, filters: dict[str, Any]):
    client.force_login(factories.admin())
    assert client.get("/api/logs", filters).status_code == 400


def test_pages_of_lines_of_the_same_moment_neither_miss_nor_repeat(client: Client):
    client.force_login(factories.admin())
    wanted = [row(f"line {number}").pk for number in range(7)]
    seen: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        answer = client.get("/api/logs", {"limit": "3", **cursor}).json()
        seen += [item["id"] for item in answer["items"]]
        if not answer["has_more"]:
            break
        cursor = {"cursor": answer["next_cursor"]}
    assert seen == wanted[::-1]


def test_hostile_text_is_escaped_on_the_page(client: Client):
    client.force_login(factories.admin())
    entry = row("<script>alert(1)</script>", stack="<script>alert(2)")
    for address in ("/admin/logs/", f"/admin/logs/{entry.pk}"):
        text = client.get(address).content.decode()
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text
