"""Log lines about refused requests: one for each network and minute, however many requests it sends.

Anybody can send requests, so a line for each would let anybody fill the log and the database.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 60
# A flood from many networks gets this many lines a minute, and one with the number of the others.
MAX_NETWORKS = 20


class Refusals:
    """Counts refusals by network in one process. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._others = 0
        self._window = 0

    def note(self, network: str, why: str, now: float | None = None) -> None:
        """Count a refusal of `network`; log it where it is the first one of this minute."""
        with self._lock:
            self._turn(int((time.time() if now is None else now) // WINDOW_SECONDS))
            is_known = network in self._counts
            if not is_known and len(self._counts) >= MAX_NETWORKS:
                self._others += 1
                return
            self._counts[network] += 1
        if not is_known:
            logger.warning("Rejected a request from %s: %s", network or "an unknown address", why)

    def _turn(self, window: int) -> None:
        """Begin a new minute. Say how much the last one had beyond the lines that it was given."""
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


refusals = Refusals()
note = refusals.note
