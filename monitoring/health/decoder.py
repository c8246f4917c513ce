"""Health of the decoder: a small valid file of each kind is decoded regularly."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field

from django.conf import settings
from health_check.exceptions import ServiceWarning

from cameras.media import decoder_self_test
from monitoring.health.checks import CachedProbe, NamedCheck

KEPT_SECONDS = 60.0
# The probe starts a process, which takes time on a busy machine.
ANSWER_SECONDS = 10.0
WHAT_TO_DO = "Give the machine or DECODER_MEMORY_BYTES more memory, or reinstall the requirements."
_self_test = CachedProbe[None](KEPT_SECONDS)


class CannotDecodeError(Exception):
    """The last errors of the decoder processes."""


@dataclass
class DecoderCheck(NamedCheck):
    """Checks the probe result `answer`."""

    name: str = "decoder"
    answer: Future[None] = field(default_factory=Future, repr=False)

    def run(self) -> None:
        try:
            error = self.answer.exception(ANSWER_SECONDS)
        except TimeoutError as late:
            raise ServiceWarning(f"A small picture was not decoded within {ANSWER_SECONDS:g} s.") from late
        fault = str(error) if error is not None else decoder_self_test.current_failures()
        if fault:
            raise ServiceWarning(f"Files cannot be decoded, so they wait. {WHAT_TO_DO}") from CannotDecodeError(fault)
        self.detail = "Pictures and clips can be decoded."


def decoder_check(cache: CachedProbe[None] | None = None) -> DecoderCheck:
    """Return the check with the result of `cache`, or of the probe of this process."""
    limits = (settings.DECODER_CPU_SECONDS, settings.DECODER_MEMORY_BYTES)
    return DecoderCheck(answer=(cache or _self_test).start(decoder_self_test.run_self_test, limits))
