from __future__ import annotations

import json
import logging
import threading
from typing import Any

import pytest

from hsi.config.log_config import logging_config
from hsi.config.options import SETTINGS
from hsi.logs import buffer as logbuffer
from hsi.logs import context
from hsi.logs.buffer import BufferHandler, LogBuffer
from hsi.logs.formatters import JsonFormatter, LineFormatter

pytestmark = pytest.mark.one_engine


def record(
    message: str, *arguments: Any, name: str = "cameras.intake.accept", level: int = logging.INFO, exc: Any = None
):
    return logging.LogRecord(name, level, __file__, 1, message, arguments, exc)


@pytest.fixture
def buffer(monkeypatch: pytest.MonkeyPatch) -> LogBuffer:
    own = LogBuffer(most=3)
    monkeypatch.setattr(logbuffer, "buffer", own)
    return own


def test_console_and_file_say_the_same_redacted_and_escaped(settings: Any):
    settings.RTDETR_API_KEY = "very-secret"
    forged = record("took in %s with %s", "a\n2026 ERROR forged", "very-secret")
    line = LineFormatter().format(forged)
    assert "\n" not in line
    assert "very-secret" not in line
    assert json.loads(JsonFormatter().format(forged))["message"] == r"took in a\n2026 ERROR forged with ********"


def test_a_stack_is_redacted_too(settings: Any):
    settings.RTDETR_API_KEY = "very-secret"
    try:
        raise ValueError("the key very-secret is wrong")
    except ValueError as error:
        text = LineFormatter().format(record("failed", exc=(ValueError, error, error.__traceback__)))
    assert "ValueError: the key ******** is wrong" in text
    assert "very-secret" not in text


def test_a_line_says_what_it_is_about():
    with context.bound(request="r1"):
        with context.bound(queue="detection_queue", row=7):
            context.add(camera="door")
            inner = json.loads(JsonFormatter().format(record("one")))
        outer = json.loads(JsonFormatter().format(record("two")))
    assert (inner["queue"], inner["row"], inner["camera"]) == ("detection_queue", 7, "door")
    assert (outer["request"], "camera" in outer) == ("r1", False)
    assert "request" not in json.loads(JsonFormatter().format(record("three")))


def test_the_context_of_one_thread_is_not_that_of_another():
    seen: list[object] = []
    with context.bound(camera="door"):
        thread = threading.Thread(target=lambda: seen.append(dict(context.current())))
        thread.start()
        thread.join(10)
    assert seen == [{}]


def test_the_buffer_keeps_our_lines_and_others_from_warning_on(buffer: LogBuffer):
    handler = BufferHandler()
    for name, level in [("events.pipeline", 20), ("httpx", 20), ("httpx", 30), ("hsiother", 20)]:
        handler.handle(record("x", name=name, level=level))
    assert [(line.component, line.level) for line in buffer.take(10)] == [("events.pipeline", 20), ("httpx", 30)]


def test_what_does_not_fit_is_dropped_and_counted(buffer: LogBuffer):
    handler = BufferHandler()
    for number in range(10):
        handler.handle(record("line %s", number))
    assert [line.message for line in buffer.take(10)] == ["line 0", "line 1", "line 2"]
    assert buffer.dropped == 7


def test_lines_about_writing_lines_are_not_kept(buffer: LogBuffer):
    buffer.writer = threading.get_ident()
    BufferHandler().handle(record("the database does not answer", level=logging.ERROR))
    assert len(buffer) == 0


def test_whoever_logs_nonsense_is_not_failed(buffer: LogBuffer, monkeypatch: pytest.MonkeyPatch):
    class Hostile:
        def __str__(self) -> str:
            raise RuntimeError("boom")

    monkeypatch.setattr(logging, "raiseExceptions", False)
    handler = BufferHandler()
    handler.handle(record("%s and %s", "one"))
    handler.handle(record("%s", Hostile()))
    handler.handle(record("\ud800\0 fine"))
    assert [line.message for line in buffer.take(5)] == [r"\ud800\x00 fine"]


def test_handlers_are_as_the_settings_say(tmp_path):
    values = {setting.name: setting.default for setting in SETTINGS}
    assert set(logging_config(values)["handlers"]) == {"console", "database"}
    values |= {"LOG_DB_ENABLED": False, "LOG_FILE_PATH": str(tmp_path / "logs" / "hsi.log"), "LOG_LEVEL": "WARNING"}
    made = logging_config(values)
    assert set(made["handlers"]) == {"console", "file"}
    assert made["loggers"]["cameras"]["level"] == "WARNING"
    assert (tmp_path / "logs").is_dir()
    values |= {"LOG_DB_ENABLED": True, "LOG_DB_MIN_LEVEL": "DEBUG"}
    assert logging_config(values)["loggers"]["cameras"]["level"] == "DEBUG"
