"""What a batch of detections means: the analyser protocol, and the choice of an analyser by setting."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from django.conf import settings

from hsi.registry import Registry


@dataclass(frozen=True, slots=True)
class Seen:
    """One detection as the analyser sees it."""

    label: str
    confidence: float
    captured_at: datetime  # in the camera's time zone
    frame_offset_seconds: float | None = None  # within a clip
    box: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)  # x, y, width, height in 0..1
    upload_id: str = ""  # tells two pictures of the same second apart


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier event of the same camera."""

    started_at: datetime  # in the camera's time zone
    risk_score: int | None
    summary: str


@dataclass(frozen=True, slots=True)
class Context:
    """All an analyser is told about one batch. Names and summaries in it are untrusted text.

    All of it is of the batch's own camera: whoever may see that camera may read whatever an analyser makes of it.
    """

    camera_id: str
    camera_name: str
    started_at: datetime  # in the camera's time zone
    ended_at: datetime
    seen: tuple[Seen, ...]
    earlier: tuple[Earlier, ...] = ()
    image_count: int = 0

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels seen, the most frequent first."""
        counts: dict[str, int] = {}
        for one in self.seen:
            counts[one.label] = counts.get(one.label, 0) + 1
        return tuple(sorted(counts, key=lambda label: (-counts[label], label)))


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judgement. `source` says who judged: `llm` or `rules`; `risk_level` always fits `risk_score`."""

    risk_score: int  # 0..100
    risk_level: str  # low, medium, high, critical
    summary: str
    reasoning: str
    source: str
    recommended_action: str = ""
    model: str = ""
    corrections: tuple[str, ...] = field(default=())  # what had to be put right in a model's answer
    prompt: str = field(default="", compare=False)  # what a model was asked, bounded
    answer: str = field(default="", compare=False)  # what it said, bounded


class Analyzer(Protocol):
    """Judges one batch. Shared between threads. `judge` raises `hsi.errors.HSIError`, never makes a score up."""

    name: str

    def judge(self, context: Context) -> Verdict: ...

    def check(self) -> str:
        """One line about the analyser when it is well; raises `HSIError` when it is not."""
        ...

    def close(self) -> None: ...


def _auto() -> str:
    return "llm" if settings.NEMOTRON_URL else "rules"


ANALYZERS = Registry(
    setting="ANALYZER",
    names={"llm": "events.analyzers.llm.LlmAnalyzer", "rules": "events.analyzers.rules.RulesAnalyzer"},
    auto=_auto,
    depends=(
        "NEMOTRON_URL",
        "NEMOTRON_API",
        "NEMOTRON_API_KEY",
        "NEMOTRON_MODEL",
        "NEMOTRON_READ_TIMEOUT",
        "AI_CONNECT_TIMEOUT",
    ),
)


def get_analyzer() -> Analyzer:
    """The analyser that `ANALYZER` names, one per process. Raises ImportError when there is no such thing,
    and `hsi.errors.HSIError` when it cannot be made (the language model's address is missing)."""
    analyzer: Analyzer = ANALYZERS.get()
    return analyzer


def service() -> str:
    """Whose circuit breaker guards `judge`: the name of a service, or "" where rules judge."""
    chosen = ANALYZERS.chosen()
    return {"rules": "", "llm": "nemotron"}.get(chosen, chosen.rpartition(".")[2][:40])


def problems() -> list[str]:
    """One line for each thing that keeps the analyser of the settings from working."""
    name = ANALYZERS.chosen()
    try:
        ANALYZERS.load(name)
    except ImportError as error:
        return [f"ANALYZER={name!r} names no analyser: {error}"]
    if name == "llm" and not settings.NEMOTRON_URL:
        return ["ANALYZER=llm needs NEMOTRON_URL, the address of a language model service"]
    return []
