"""Whether pictures and clips can be decoded here: a small one of each kind, known to be good, is read now and then."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field

from django.conf import settings
from health_check.exceptions import ServiceWarning

from cameras.media import decoder_self_test
from monitoring.health.cached_result import Asked
from monitoring.health.checks import NamedCheck

KEPT_SECONDS = 60.0
# A process is started for it, on a machine that may be busy.
ANSWER_SECONDS = 10.0
WHAT_TO_DO = "Give the machine or DECODER_MEMORY_BYTES more memory, or install the requirements anew."
_canary = Asked[None](KEPT_SECONDS)


class CannotDecodeError(Exception):
    """What the processes that decode said last."""


@dataclass
class DecoderCheck(NamedCheck):
    """The `answer` is on its way."""

    name: str = "decoder"
    answer: Future[None] = field(default_factory=Future, repr=False)

    def run(self) -> None:
        try:
            error = self.answer.exception(ANSWER_SECONDS)
        except TimeoutError as late:
            raise ServiceWarning(f"A small picture was not decoded within {ANSWER_SECONDS:g} s.") from late
        said = str(error) if error is not None else decoder_self_test.current_failures()
        if said:
            raise ServiceWarning(f"Files cannot be decoded, so they wait. {WHAT_TO_DO}") from CannotDecodeError(said)
        self.detail = "Pictures and clips can be decoded."


def decoder_check(asked: Asked[None] | None = None) -> DecoderCheck:
    """`asked` keeps the answer; without one it is that of this process."""
    limits = (settings.DECODER_CPU_SECONDS, settings.DECODER_MEMORY_BYTES)
    return DecoderCheck(answer=(asked or _canary).start(decoder_self_test.run_self_test, limits))
