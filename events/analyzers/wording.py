"""Reads a line of a verdict: its language, its words, and which of them a denial covers.

A denial is not a claim: "no vehicle", "without bags or weapons", "a car was not seen". A guess is one, because it
frightens as much.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from events.analyzers.languages import ENGLISH, Language, language_of

# Replaced before the words are read: phrases with a meaning of their own.
PHRASES = (
    (re.compile(r"\bbaseball bats?\b"), "baseball_bat"),
    (re.compile(r"\b(?:a|the|black|brown|grizzly) bears?\b"), "bear_animal"),
    (re.compile(r"\b(?:no doubt|no question|not only|not just|no (?:less|fewer|more) than)\b"), ""),
    (re.compile(r"\b(?:car|bike) (?:park|port)s?\b|\b(?:bus|train) (?:stop|station)s?\b|\btrain of\b"), ""),
    (re.compile(r"\bfire (?:hydrant|truck|engine|door|escape|pit|exit)s?\b|\bsmoke (?:detector|alarm)s?\b"), ""),
    (re.compile(r"\b(?:c[ao]m(?:e|es|ing)|return(?:s|ed|ing)?|arriv(?:es?|ed|ing)) (?:back )?home\b"), "homecoming"),
)  # fmt: skip
TOKEN = re.compile(r"[^\W\d]+(?:[-'][^\W\d]+)*|[0-9]+|[.,;:!?\n]")
SENTENCE_ENDS = {".", ";", "!", "?", "\n"}
ENDS = SENTENCE_ENDS | {":", "but", "however", "yet", "though", "although", "while", "whereas", "except"}
ENDS |= {"aber", "sondern", "mais", "pero", "maar", "ma", "mas"}
DENIALS = {"no", "not", "without", "nor", "neither", "never", "none", "cannot", "nobody", "nothing", "zero", "0"}
DENIALS |= {"lack", "lacks", "lacking", "absence", "absent"}
DETERMINERS = {"a", "an", "the", "one", "two", "three", "some", "several", "another", "his", "her", "their", "this"}
SEEN = {"detected", "seen", "visible", "present", "found", "observed", "identified", "noticed", "spotted", "shown"}
# How many words a denial covers: "no sign of any moving vehicle".
REACH = 5


@dataclass(frozen=True, slots=True)
class Line:
    """The language of a line, its words in lower case, and whether a denial covers each of them."""

    language: Language
    words: tuple[str, ...]
    denied: tuple[bool, ...]

    def claimed(self) -> Iterator[tuple[int, str]]:
        """Yield each word that is not denied, with its position."""
        for index, word in enumerate(self.words):
            if not self.denied[index]:
                yield index, word


def read(text: str) -> Line:
    """Read one line."""
    language = language_of(TOKEN.findall(lowered(text)))
    words = tuple(words_of(text, language))
    return Line(language, words, tuple(_denied(words, language)))


def lowered(text: str) -> str:
    return text.lower().replace("\u2019", "'")


def words_of(text: str, language: Language) -> list[str]:
    """Return the words and punctuation of a line in lower case."""
    text = lowered(text)
    for pattern, meaning in PHRASES if language.name == ENGLISH else ():
        text = pattern.sub(meaning, text)
    return TOKEN.findall(text)


def _denied(words: tuple[str, ...], language: Language) -> Iterator[bool]:
    reach = 0
    for index, word in enumerate(words):
        yield bool(reach) or _denied_after(words[index + 1 : index + 9])
        reach = _reach(reach, word, words[index + 1] if index + 1 < len(words) else "", language)


def _reach(reach: int, word: str, following: str, language: Language) -> int:
    """Return how many more words a denial covers after `word`. A list extends it: "no bags, pets or cars"."""
    if is_denial(word, language):
        return REACH
    if word in ENDS or word == "and" or (word == "," and following in DETERMINERS):
        return 0
    if reach and word in {",", "or"}:
        return REACH
    return max(reach - 1, 0)


def is_denial(word: str, language: Language) -> bool:
    return word in (DENIALS if language.name == ENGLISH else language.denials) or word.endswith("n't")


def _denied_after(following: tuple[str, ...]) -> bool:
    """Whether the claim is followed by "was not seen" or ": none"."""
    if following[:1] == (":",) and following[1:2] and following[1] in DENIALS:
        return True
    for index, word in enumerate(following):
        if word in ENDS or word in {",", "and"}:
            return False
        if word in {"not", "never"} or word.endswith("n't"):
            return any(later in SEEN for later in following[index + 1 : index + 4])
    return False
