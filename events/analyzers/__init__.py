"""Analysers: judge a batch of detections. This module has their protocol and the choice by the setting `ANALYZER`.

`rules` scores a `situation`, which holds what a context says about place, habit, `light` and people, by a fixed list of
parts. `llm` asks a language model: `prompt` builds the request, `server` finds out which API the server has (`apis`,
`server_offer`) and sends it, `extract` finds the JSON in the answer, and `verdict` checks it. `sanity` compares its
texts with the detections (`grounding`: things, `assertions`: roles, acts and looks, in the words of `languages`), and
`bounds` keeps the score near that of the rules. `texts` makes foreign text safe.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from django.conf import settings

from events.analyzers.light import Light
from hsi.registry import Registry


@dataclass(frozen=True, slots=True)
class Seen:
    """A detection in the context of an analyser."""

    label: str
    confidence: float
    captured_at: datetime  # in the camera's time zone
    frame_offset_seconds: float | None = None  # within a clip
    box: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)  # x, y, width, height in 0..1
    upload_id: str = ""  # distinguishes two pictures of the same second
    zone_kinds: tuple[str, ...] = ()  # of the zones that the object stands in


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier event of the same camera."""

    started_at: datetime  # in the camera's time zone
    risk_score: int | None
    summary: str


class Identity(enum.StrEnum):
    """Whether the people of a batch are known. It is unknown as soon as one of them is a stranger."""

    NOT_CHECKED = ""
    KNOWN = "known"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Context:
    """The input of an analyser for one batch. Names and summaries are untrusted text.

    All of it belongs to the camera of the batch, so every user who may see that camera may read the verdict.
    """

    camera_id: str
    camera_name: str
    started_at: datetime  # in the camera's time zone
    ended_at: datetime
    seen: tuple[Seen, ...]
    earlier: tuple[Earlier, ...] = ()
    image_count: int = 0
    place: str = ""  # a value of `Camera.Place`
    light: Light = Light.DAY
    # Days of the last ten on which the camera saw a group of labels at this hour, by zone kind ("": outside) and group.
    habits: Mapping[tuple[str, str], int] = field(default_factory=dict)
    identity: Identity = Identity.NOT_CHECKED
    paths: tuple[str, ...] = ()  # of the objects that moved, such as "came from the left, stayed 40 s, 15 s at Porch"

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the detected labels, the most frequent first."""
        counts: dict[str, int] = {}
        for detection in self.seen:
            counts[detection.label] = counts.get(detection.label, 0) + 1
        return tuple(sorted(counts, key=lambda label: (-counts[label], label)))


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of an analyser. `source` is `llm` or `rules`. `risk_level` always fits `risk_score`."""

    risk_score: int  # 0..100
    risk_level: str  # low, medium, high, critical
    summary: str
    reasoning: str
    source: str
    recommended_action: str = ""
    model: str = ""
    corrections: tuple[str, ...] = field(default=())  # corrections of the model's answer
    rule_score: int | None = None
    model_score: int | None = None  # as the model gave it, before bounds
    picture_count: int = 0  # pictures that the model saw
    prompt_tokens: int | None = None
    answer_tokens: int | None = None
    prompt: str = field(default="", compare=False)  # sent to the model, bounded
    answer: str = field(default="", compare=False)  # of the model, bounded


class Analyzer(Protocol):
    """Judges a batch. Shared between threads. `judge` raises `hsi.errors.HSIError` and never invents a score."""

    name: str

    def judge(self, context: Context) -> Verdict: ...

    def check(self) -> str:
        """Return one line when the analyser works. Raises `HSIError` when it does not."""
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
        "NEMOTRON_FALLBACK_URL",
        "NEMOTRON_FALLBACK_MODEL",
        "NEMOTRON_FALLBACK_API_KEY",
        "CIRCUIT_FAILURE_THRESHOLD",
        "CIRCUIT_RECOVERY_TIMEOUT_SECONDS",
        "NEMOTRON_READ_TIMEOUT",
        "AI_CONNECT_TIMEOUT",
    ),
)


def get_analyzer() -> Analyzer:
    """Return the analyser that `ANALYZER` names, one per process.

    Raises ImportError if it does not exist, and `hsi.errors.HSIError` if it cannot be created.
    """
    analyzer: Analyzer = ANALYZERS.get()
    return analyzer


def service() -> str:
    """Return the service whose circuit breaker guards `judge`, or "" for rules."""
    chosen = ANALYZERS.chosen()
    return {"rules": "", "llm": "nemotron"}.get(chosen, chosen.rpartition(".")[2][:40])


def problems() -> list[str]:
    """Return a line for each reason why the configured analyser cannot work."""
    name = ANALYZERS.chosen()
    try:
        ANALYZERS.load(name)
    except ImportError as error:
        return [f"ANALYZER={name!r} names no analyser: {error}"]
    if name == "llm" and not settings.NEMOTRON_URL:
        return ["ANALYZER=llm needs NEMOTRON_URL, the address of a language model service"]
    return []
