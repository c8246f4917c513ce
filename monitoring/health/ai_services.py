"""Health of the detector, the analyser and their circuit breakers. Probes run in threads, with a time limit."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field

from django.conf import settings
from health_check.exceptions import ServiceWarning

from detection import detectors
from detection.detectors import get_detector
from events import analyzers
from events.analyzers import get_analyzer
from hsi.errors import HSIError
from hsi.models import CircuitBreaker
from monitoring.health.checks import CachedProbe, NamedCheck

# Warn after this many unusable responses in a row.
UNUSABLE_IN_A_ROW = 3


class UnusableError(Exception):
    """The last unusable response of a service."""


@dataclass
class ServiceCheck(NamedCheck):
    """Checks a backend whose probe result is `answer`. `what` is its name for people.

    `service` is the name of its circuit breaker, or "" for a backend inside this process.
    """

    what: str = ""
    service: str = ""
    answer: Future[str] = field(default_factory=Future, repr=False)

    def run(self) -> None:
        try:
            error = self.answer.exception(settings.AI_HEALTH_TIMEOUT)
        except TimeoutError as late:
            raise ServiceWarning(f"{self.what} did not answer within {settings.AI_HEALTH_TIMEOUT:g} s.") from late
        if isinstance(error, HSIError):
            raise ServiceWarning(f"{self.what} reports an error: {error.code}.") from error
        if error is not None:
            raise ServiceWarning(f"{self.what} is not configured correctly.") from error
        self._check_last_responses()
        self.detail = self.answer.result()

    def _check_last_responses(self) -> None:
        """Check the recent responses too: a service may report healthy and still fail."""
        bad = CircuitBreaker.objects.filter(name=self.service, unusable__gte=UNUSABLE_IN_A_ROW) if self.service else ()
        for row in bad:
            raise ServiceWarning(f"{self.what}: the last {row.unusable} responses were unusable.") from UnusableError(
                row.last_unusable
            )


@dataclass
class BreakersCheck(NamedCheck):
    """The circuit breakers of the services in use."""

    name: str = "breakers"

    def run(self) -> None:
        names = sorted(filter(None, {detectors.service(), analyzers.service()}))
        rows = list(
            CircuitBreaker.objects.filter(name__in=names).exclude(state=CircuitBreaker.State.CLOSED).order_by("name")
        )
        if away := ", ".join(f"{row.name} is {row.get_state_display()}" for row in rows):
            words = UnusableError("; ".join(row.last_error for row in rows))
            raise ServiceWarning(f"Circuit open after repeated failures, jobs wait: {away}.") from words
        self.detail = f"Closed: {', '.join(names)}." if names else "No AI service is in use."


_detector, _analyzer = CachedProbe[str](), CachedProbe[str]()


def service_checks() -> list[ServiceCheck]:
    """Start both probes at the same time, so that their waiting times do not add up."""
    detector_key = (settings.DETECTOR, settings.RTDETR_URL, settings.DETECTOR_MODEL)
    analyzer_key = (settings.ANALYZER, settings.NEMOTRON_URL, settings.NEMOTRON_API, settings.NEMOTRON_MODEL)
    detector = _detector.start(lambda: detectors.condition(get_detector()), detector_key)
    analyzer = _analyzer.start(lambda: get_analyzer().check(), analyzer_key)
    return [
        ServiceCheck("detector", what="The detector", service=detectors.service(), answer=detector),
        ServiceCheck("analyzer", what="The analyser", service=analyzers.service(), answer=analyzer),
    ]
