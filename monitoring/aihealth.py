"""How the detector and the analyser are: asked now and then, and nobody waits longer for it than is set."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from django.conf import settings
from health_check.exceptions import ServiceWarning

from detection import detectors
from detection.detectors import get_detector
from events import analyzers
from events.analyzers import get_analyzer
from hsi.errors import HSIError
from hsi.models import CircuitBreaker
from monitoring.health import NamedCheck

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


@dataclass
class ServiceCheck(NamedCheck):
    """A backend that may be a service; its `answer` is on its way. `what` is what a person calls it."""

    what: str = ""
    answer: Future[str] = field(default_factory=Future, repr=False)

    def run(self) -> None:
        try:
            error = self.answer.exception(settings.AI_HEALTH_TIMEOUT)
        except TimeoutError as late:
            raise ServiceWarning(f"{self.what} did not answer within {settings.AI_HEALTH_TIMEOUT:g} s.") from late
        if isinstance(error, HSIError):
            raise ServiceWarning(f"{self.what} is not well: {error.code}.") from error
        if error is not None:
            raise ServiceWarning(f"{self.what} cannot be used as it is set up.") from error
        self.detail = self.answer.result()


@dataclass
class BreakersCheck(NamedCheck):
    """The circuit breakers of the services in use. One that nobody calls any more is history."""

    name: str = "breakers"

    def run(self) -> None:
        names = sorted(filter(None, {detectors.service(), analyzers.service()}))
        rows = CircuitBreaker.objects.filter(name__in=names).exclude(state=CircuitBreaker.State.CLOSED).order_by("name")
        if away := ", ".join(f"{row.name} is {row.get_state_display()}" for row in rows):
            raise ServiceWarning(f"Left alone after failures, so that work waits: {away}.")
        self.detail = f"Closed: {', '.join(names)}." if names else "No service is in use."


_detector, _analyzer = Asked[str](), Asked[str]()


def service_checks() -> list[ServiceCheck]:
    """Both are asked at the same time, so that two that hang cost the time of one."""
    detector_key = (settings.DETECTOR, settings.RTDETR_URL, settings.DETECTOR_MODEL)
    analyzer_key = (settings.ANALYZER, settings.NEMOTRON_URL, settings.NEMOTRON_API, settings.NEMOTRON_MODEL)
    detector = _detector.start(lambda: get_detector().check(), detector_key)
    analyzer = _analyzer.start(lambda: get_analyzer().check(), analyzer_key)
    return [
        ServiceCheck("detector", what="The detector", answer=detector),
        ServiceCheck("analyzer", what="The analyser", answer=analyzer),
    ]
