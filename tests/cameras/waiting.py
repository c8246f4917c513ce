"""Wait for what another thread or process does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

PATIENCE_SECONDS = 60  # a busy machine may be slow; a test that passes does not wait that long


def until(condition: Callable[[], bool]) -> None:
    """Return when `condition` holds. Fail after `PATIENCE_SECONDS`."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    never = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"the condition did not hold within {PATIENCE_SECONDS} s"
        never.wait(0.02)
