from __future__ import annotations

import logging
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection

from hsi.logs import buffer as logbuffer
from hsi.logs.buffer import BufferHandler, LogBuffer
from hsi.workers import flusher
from hsi.workers.flusher import PeriodicFlusher
from monitoring import log_writer
from monitoring.models import LogEntry

pytestmark = pytest.mark.django_db(transaction=True)

logger = logging.getLogger("hsi.test_recorder")


@pytest.fixture
def buffer(monkeypatch: pytest.MonkeyPatch) -> LogBuffer:
    """A buffer of this test's own, with a handler at our logger and a writer that has written nothing yet."""
    own = LogBuffer(most=20)
    for module in (logbuffer, flusher, log_writer):
        monkeypatch.setattr(module, "buffer", own)
    monkeypatch.setattr(log_writer, "_writer", log_writer.Writer())
    monkeypatch.setattr(flusher, "EVERY_SECONDS", 0.02)
    monkeypatch.setattr(logger, "handlers", [BufferHandler()])
    monkeypatch.setattr(logger, "propagate", False)
    logger.setLevel(logging.INFO)
    return own


def wait_for(condition: Any) -> None:
    ends_at = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < ends_at
        threading.Event().wait(0.01)


def test_lines_become_rows_while_the_process_runs_and_at_its_end(buffer: LogBuffer):
    logger.info("before")
    with PeriodicFlusher():
        logger.info("within")
        wait_for(lambda: LogEntry.objects.count() == 2)
        logger.warning("at the end")
    assert list(LogEntry.objects.order_by("created_at", "id").values_list("message", flat=True)) == [
        "before", "within", "at the end",
    ]  # fmt: skip


def test_a_database_that_is_away_neither_holds_up_who_logs_nor_loses_more_than_does_not_fit(
    buffer: LogBuffer, monkeypatch: pytest.MonkeyPatch
):
    away = [True]
    create = LogEntry.objects.bulk_create

    def bulk_create(rows: Any) -> Any:
        if away[0]:
            raise OperationalError("the database went away")
        return create(rows)

    monkeypatch.setattr(LogEntry.objects, "bulk_create", bulk_create)
    with PeriodicFlusher():
        began = time.monotonic()
        for number in range(100):
            logger.info("line %s", number)
        assert time.monotonic() - began < 1
        away[0] = False
        wait_for(lambda: len(buffer) == 0 and LogEntry.objects.exists())
    kept = LogEntry.objects.count()
    assert buffer.dropped + kept == 100
    assert LogEntry.objects.order_by("id").first().message == "line 0"  # type: ignore[union-attr]
    assert not LogEntry.objects.filter(message__contains="went away").exists()


@pytest.mark.one_engine
def test_a_locked_database_holds_up_nobody_who_logs(buffer: LogBuffer):
    path = Path(connection.settings_dict["NAME"])
    lock = sqlite3.connect(path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    try:
        with PeriodicFlusher():
            began = time.monotonic()
            for number in range(20):
                logger.info("line %s", number)
            assert time.monotonic() - began < 1
            wait_for(lambda: len(buffer) == 0)  # in the hand of the writer, who waits
            lock.execute("ROLLBACK")
    finally:
        lock.close()
    assert LogEntry.objects.count() == 20
