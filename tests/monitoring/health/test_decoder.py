"""Health says that files cannot be decoded, why, and what to do."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from cameras.media import decoder_self_test
from cameras.media.decoder_process import DecoderUnavailableError
from monitoring.health import checks, decoder
from monitoring.health.checks import CachedProbe
from monitoring.health.decoder import DecoderCheck, decoder_check

pytestmark = pytest.mark.one_engine


def answered(error: Exception | None = None) -> Future[None]:
    answer: Future[None] = Future()
    if error is None:
        answer.set_result(None)
    else:
        answer.set_exception(error)
    return answer


def told(check: DecoderCheck, *, for_staff: bool) -> tuple[str, str]:
    said = checks.outcome(check, for_staff=for_staff)
    return said["status"], said["detail"]


def test_every_canary_is_read() -> None:
    assert told(decoder_check(CachedProbe(60.0)), for_staff=False) == ("healthy", "Pictures and clips can be decoded.")


def test_what_is_wrong_is_told_with_what_to_do_and_the_cause_to_staff_alone() -> None:
    check = DecoderCheck(
        answer=answered(DecoderUnavailableError("the decoder cannot be started: No module named 'cv2'"))
    )

    status, detail = told(check, for_staff=False)
    assert status == "degraded"
    assert "they wait" in detail
    assert "DECODER_MEMORY_BYTES" in detail
    assert "cv2" not in detail
    assert "No module named 'cv2'" in told(check, for_staff=True)[1]


def test_what_the_work_met_is_told_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder_self_test, "current_failures", lambda: "the decoder was killed")

    assert "the decoder was killed" in told(DecoderCheck(answer=answered()), for_staff=True)[1]


def test_one_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "ANSWER_SECONDS", 0.01)

    assert told(DecoderCheck(answer=Future()), for_staff=False)[0] == "degraded"
