"""Why the answer of a language model is rejected. Each rejection has a kind, which metrics and pages count."""

from __future__ import annotations

import enum

from hsi.errors import AIServiceAnswerError


class Kind(enum.StrEnum):
    """The kinds of rejections. The values are labels of a metric."""

    NO_TEXT = "no_text"
    NO_JSON = "no_json"
    CONTRADICTORY = "contradictory"  # two verdicts that differ
    CUT_OFF = "cut_off"
    SCORE = "score"
    LEVEL = "level"
    MISSING_TEXT = "missing_text"
    LANGUAGE = "language"
    INVENTION = "invention"
    ROLE = "role"
    ACT = "act"
    LOOK = "look"
    THING = "thing"
    NAME = "name"
    NOTHING_SEEN = "nothing_seen"
    COUNT = "count"
    DENIAL = "denial"
    ECHO = "echo"
    VOICE = "voice"
    INCOMPLETE = "incomplete"
    NO_REASON = "no_reason"


TEXTS = {
    Kind.NO_TEXT: "no text in the answer",
    Kind.NO_JSON: "no JSON object with a risk score",
    Kind.CONTRADICTORY: "several verdicts that differ",
    Kind.CUT_OFF: "incomplete at the token limit",
    Kind.SCORE: "not a score of 0 to 100",
    Kind.LEVEL: "score and level contradict each other",
    Kind.MISSING_TEXT: "summary or reasoning is missing",
    Kind.LANGUAGE: "a language that cannot be checked",
    Kind.INVENTION: "names a person, vehicle, animal, weapon or bag that was not detected",
    Kind.ROLE: "asserts who a person is",
    Kind.ACT: "asserts an act that no detection shows",
    Kind.LOOK: "describes clothes or looks without a picture",
    Kind.THING: "names a thing that no detector reported",
    Kind.NAME: "names a person by a name",
    Kind.NOTHING_SEEN: "the summary names nothing that was detected",
    Kind.COUNT: "counts more than were detected",
    Kind.DENIAL: "denies what was detected",
    Kind.ECHO: "repeats the task instead of judging",
    Kind.VOICE: "speaks as a person of the scene, or to one",
    Kind.INCOMPLETE: "the summary ends in the middle of a sentence",
    Kind.NO_REASON: "the reasoning weighs nothing of what was detected",
}


class AnswerRejectedError(AIServiceAnswerError):
    """The answer of the language model was rejected."""

    def __init__(self, kind: Kind, detail: str = "", *, service: str = "", body: str = "") -> None:
        super().__init__(detail, service=service, body=body)
        self.kind = kind


class AnswerCutOffError(AnswerRejectedError):
    """The language model reached its token limit before its answer was complete."""

    code = "AI_SERVICE_ANSWER_CUT_OFF"

    def __init__(self, kind: Kind = Kind.CUT_OFF, detail: str = "", *, service: str = "", body: str = "") -> None:
        super().__init__(kind, detail, service=service, body=body)
