"""A circuit breaker of this process alone, for what it shares with nobody: its way to the channel layer.

The rules are those of `hsi.outbound.shared_breaker`; the row is kept in memory, and nobody is told but the log.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.utils import timezone

from hsi.models import CircuitBreaker
from hsi.outbound.shared_breaker import Breaker, Limits

logger = logging.getLogger(__name__)


class LocalBreaker(Breaker):
    """Opens after `failures` in a row, for `rest_seconds`."""

    def __init__(self, name: str, *, failures: int, rest_seconds: float) -> None:
        super().__init__(name, look_seconds=0)
        self._row = CircuitBreaker(name=name)
        self._row_lock = threading.Lock()
        self._own_limits = Limits(failures, rest_seconds, successes=1)
        # Its clock goes on evenly, whatever is done to the machine's.
        self._began = timezone.now() - timedelta(seconds=time.monotonic())

    @property
    def is_closed(self) -> bool:
        return self._row.state == CircuitBreaker.State.CLOSED

    def _limits(self) -> Limits:
        return self._own_limits

    def _now(self) -> datetime:
        return self._began + timedelta(seconds=time.monotonic())

    def _tell(self, row: CircuitBreaker, reason: str) -> None:
        if not self.is_closed:
            logger.warning("%s: %s", self.name, row.last_error)

    def _save(self, row: CircuitBreaker, now: datetime) -> None:
        self._seen(row, now)

    def _read(self) -> tuple[CircuitBreaker, datetime]:
        return self._row, self._now()

    def _clear(self) -> None:
        with self._row_lock:
            self._row.failures = self._row.unusable = 0

    @contextmanager
    def _locked(self) -> Iterator[tuple[CircuitBreaker, datetime]]:
        with self._row_lock:
            yield self._row, self._now()
