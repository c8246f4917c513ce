"""An answer that is asked for now and then, and that nobody waits for longer than is set."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

KEPT_SECONDS = 15.0
T = TypeVar("T")


class Asked(Generic[T]):
    """The answer of one service, kept for a while. One question is on its way at a time, however many ask."""

    def __init__(self, kept_seconds: float = KEPT_SECONDS) -> None:
        self._kept_seconds = kept_seconds
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="health")
        self._answer: Future[T] | None = None
        self._key: object = None
        self._at = 0.0

    def start(self, question: Callable[[], T], key: object) -> Future[T]:
        """The answer that is kept, or one on its way. Another `key` (other settings) asks anew."""
        with self._lock:
            now = time.monotonic()
            answer = self._answer
            if answer is None or self._key != key or (answer.done() and now - self._at > self._kept_seconds):
                answer = self._answer = self._pool.submit(question)
                self._key, self._at = key, now
            return answer
