"""Log lines about refused requests: one a minute for each network, however many requests it sends.

Any client can send requests, so one line for each would let a client fill the log and the database.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 60
# The most lines a minute for a flood from many networks; one more line counts the others.
MAX_NETWORKS = 20


class RefusalLog:
    """Counts refusals by network in one process. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._others = 0
        self._window = 0

    def record(self, network: str, why: str, now: float | None = None) -> None:
        """Count a refusal of `network`, and log it if it is the first one of this minute."""
        with self._lock:
            self._start_minute(int((time.time() if now is None else now) // WINDOW_SECONDS))
            is_known = network in self._counts
            if not is_known and len(self._counts) >= MAX_NETWORKS:
                self._others += 1
                return
            self._counts[network] += 1
        if not is_known:
            logger.warning("Rejected a request from %s: %s", network or "an unknown address", why)

    def _start_minute(self, window: int) -> None:
        """Start a new minute, and log how many refusals the last one had beyond its lines."""
        if window == self._window:
            return
        more = {network: count - 1 for network, count in self._counts.most_common(3) if count > 1}
        if more or self._others:
            shown = ", ".join(f"{count} from {network or 'an unknown address'}" for network, count in more.items())
            others = f"{self._others} from other networks" if self._others else ""
            words = ", ".join(filter(None, [shown, others]))
            logger.warning("Rejected more requests in the previous minute: %s", words)
        self._counts.clear()
        self._others, self._window = 0, window


refusals = RefusalLog()
record = refusals.record
