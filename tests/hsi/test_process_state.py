"""Every module-wide memory of the process is discarded by one call."""

from __future__ import annotations

import pytest

from hsi import process_state
from hsi.logs import context
from hsi.outbound.shared_breaker import get_breaker
from hsi.queues import DETECTION_QUEUE, pauses

pytestmark = pytest.mark.one_engine


def test_a_reset_discards_what_modules_remember() -> None:
    context.add(camera="door")
    breaker = get_breaker("rtdetr")
    pauses._seen[DETECTION_QUEUE] = (1.0, True)
    process_state.reset()
    assert context.current() == {}
    assert get_breaker("rtdetr") is not breaker
    assert pauses._seen == {}


def test_what_is_registered_is_called_by_each_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_state, "_resets", [])
    calls: list[str] = []
    process_state.register(lambda: calls.append("first"))
    process_state.register(lambda: calls.append("second"))
    process_state.reset()
    process_state.reset()
    assert calls == ["first", "second"] * 2
