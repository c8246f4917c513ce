"""How the detector and the analyser are: asked now and then, and nobody waits longer for it than is set."""

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
from monitoring.health.cached_result import Asked
from monitoring.health.checks import NamedCheck

# So many answers in a row that could not be used are no accident.
UNUSABLE_IN_A_ROW = 3


class UnusableError(Exception):
    """What a service said last, where that could not be used."""


@dataclass
class ServiceCheck(NamedCheck):
    """A backend that may be a service; its `answer` is on its way. `what` is what a person calls it.

    `service` is the name of its breaker, which knows what became of the last requests; empty where it is no service.
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
            raise ServiceWarning(f"{self.what} is not well: {error.code}.") from error
        if error is not None:
            raise ServiceWarning(f"{self.what} cannot be used as it is set up.") from error
        self._look_at_last_answers()
        self.detail = self.answer.result()

    def _look_at_last_answers(self) -> None:
        """That it says it is well is not enough: what it is there for has to succeed."""
        bad = CircuitBreaker.objects.filter(name=self.service, unusable__gte=UNUSABLE_IN_A_ROW) if self.service else ()
        for row in bad:
            words = f"Of the last {row.unusable} answers of {self.what[0].lower()}{self.what[1:]} none could be used."
            raise ServiceWarning(words) from UnusableError(row.last_unusable)


@dataclass
class BreakersCheck(NamedCheck):
    """The circuit breakers of the services in use. One that nobody calls any more is history."""

    name: str = "breakers"

    def run(self) -> None:
        names = sorted(filter(None, {detectors.service(), analyzers.service()}))
        rows = list(
            CircuitBreaker.objects.filter(name__in=names).exclude(state=CircuitBreaker.State.CLOSED).order_by("name")
        )
        if away := ", ".join(f"{row.name} is {row.get_state_display()}" for row in rows):
            words = UnusableError("; ".join(row.last_error for row in rows))
            raise ServiceWarning(f"Left alone after failures, so that work waits: {away}.") from words
        self.detail = f"Closed: {', '.join(names)}." if names else "No service is in use."


_detector, _analyzer = Asked[str](), Asked[str]()


def service_checks() -> list[ServiceCheck]:
    """Both are asked at the same time, so that two that hang cost the time of one."""
    detector_key = (settings.DETECTOR, settings.RTDETR_URL, settings.DETECTOR_MODEL)
    analyzer_key = (settings.ANALYZER, settings.NEMOTRON_URL, settings.NEMOTRON_API, settings.NEMOTRON_MODEL)
    detector = _detector.start(lambda: detectors.condition(get_detector()), detector_key)
    analyzer = _analyzer.start(lambda: get_analyzer().check(), analyzer_key)
    return [
        ServiceCheck("detector", what="The detector", service=detectors.service(), answer=detector),
        ServiceCheck("analyzer", what="The analyser", service=analyzers.service(), answer=analyzer),
    ]
