"""Checks of a verdict against what was detected. Each check raises `AnswerRejectedError` with its kind.

A model that was sent pictures may describe what it saw in them. Without pictures, a verdict may only speak of labels,
numbers, times and places.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from events.analyzers import Context
from events.analyzers.assertions import names_of_people, unsupported
from events.analyzers.grounding import BY_WORD, claim_of, detected_labels, ungrounded
from events.analyzers.languages import ENGLISH, can_be_checked, words
from events.analyzers.rejections import AnswerRejectedError, Kind
from events.analyzers.situation import together
from events.analyzers.wording import ENDS, SEEN, Line, is_denial, lowered, read

# Words for a person that are no labels.
PERSON_WORDS = words("someone somebody individual individuals figure figures visitor visitors suspect suspects")
NUMBERS = {
    "two": 2, "both": 2, "couple": 2, "pair": 2, "several": 2, "multiple": 2, "many": 2, "group": 2, "three": 3,
    "crowd": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
}  # fmt: skip
HIGHEST_NUMBER = 100
# Numbers that count no objects: times, shares, durations, pictures.
NO_COUNTS = re.compile(
    r"[0-9]+ ?(?:%|percent)|[0-9]+:[0-9]+(?::[0-9]+)?|[0-9]{4}-[0-9]+-[0-9]+|[0-9]+[.,][0-9]+"
    r"|(?:[0-9]+|\w+) (?:s|sec|seconds?|minutes?|hours?|times|pictures?|images?|frames?|days?|cameras?|sightings?)\b"
)
# Words between a number and what it counts, at most.
BETWEEN = 2
# "no human figure", "no sign of a person": these may stand between the denial and what it denies.
OF_DENIAL = words("visible human moving living sign signs evidence trace of any a the single")
NOTHING = re.compile(
    r"\b(?:nothing (?:was|is|has been|were)?\s*(?:seen|detected|visible|observed|found|happened|noticed)"
    r"|no (?:activity|movement|motion|detections?|objects?|one)\b"
    r"(?! (?:else|other|further|of|beyond|besides|except|after))"
    r"|nobody (?:was|is)|(?:scene|area|view|yard) (?:is|was|remains|remained|appears) (?:empty|deserted|clear))\b"
)
NON_LATIN_SHARE = 0.3
VOICE_IN_SUMMARY = re.compile(r"\b(?:i|i'm|me|my|mine|we|us|our|you)\b")
VOICE = re.compile(r"\b(?:i am|i'm|i have|i live|i was|me|my|we live|you (?:are|were|saw|have|live)|not sure)\b")
OPEN_ENDS = words(
    ", a an and at because but by for from has have her his in into is it its of on or so that the to was with"
)
# Facts that a reasoning may weigh without naming an object.
REASON_WORDS = words(
    "hour hours time night nighttime day days daytime daylight morning noon afternoon evening dark darkness light habit"
    " ordinary usual usually unusual regular routine expected brief briefly long short stay stayed seconds minutes"
    " ground place street entrance driveway indoors indoor door garden private"
    " confidence detected detection detections seen"
    " activity movement picture pictures sighting sightings risk"
)
# Words of the instructions that no sentence about a scene needs. A reasoning may speak of the data.
ECHO = re.compile(
    r"\bjson\b|risk_|_level|\bcharacters?\b|people who live|\binstructions?\b|\byour own words\b|</?[a-z]+>"
)
ECHO_IN_SUMMARY = re.compile(
    r"\bdata\b|\blists?\b|\bsummar(?:y|ies)\b|\bsentences?\b|\bhabits?\b|\bfacts?\b|\brisk scores?\b|\bat most\b|\.\.\."
)


def check(summary: str, reasoning: str, context: Context, *, has_pictures: bool = False) -> None:
    """Raise `AnswerRejectedError` for the first check that fails."""
    for one in CHECKS:
        if not (has_pictures and one in CHECKS_WITHOUT_PICTURES):
            one(summary, reasoning, context)


def require_known_language(summary: str, reasoning: str, context: Context) -> None:
    """Reject a text that the other checks cannot read."""
    for text in (summary, reasoning):
        if _share_of_other_scripts(text) > NON_LATIN_SHARE:
            raise AnswerRejectedError(Kind.LANGUAGE, "the answer is in a script that cannot be checked")
        language = read(text).language
        if not can_be_checked(language):
            raise AnswerRejectedError(Kind.LANGUAGE, f"the answer is in {language.name}, which cannot be checked")


def refuse_denials(summary: str, reasoning: str, context: Context) -> None:
    """Reject "nothing was seen", and "no person was seen" with a detected person."""
    if not context.seen:
        return
    labels = detected_labels(context)
    for text in (summary, reasoning):
        line = read(text)
        if line.language.name == ENGLISH and (found := NOTHING.search(lowered(text))):
            raise AnswerRejectedError(Kind.DENIAL, f"the answer denies what was detected: {found[0]}")
        for index, word in enumerate(line.words):
            claim = claim_of(word, line.language)
            if claim and claim.backed_by & labels and _is_denied(line, index):
                raise AnswerRejectedError(Kind.DENIAL, f"the answer denies what was detected: {claim.name}")


def require_detected_subject(summary: str, reasoning: str, context: Context) -> None:
    """Reject a summary that names nothing that was detected. Labels without a word in its language cannot be named."""
    line = read(summary)
    labels = detected_labels(context)
    named = set(line.words)
    own_words = {part for label in context.labels for part in label.lower().split()}
    names_label = any(word in own_words or word.removesuffix("s") in own_words for word in named)
    names_claim = any((claim := claim_of(word, line.language)) and claim.backed_by & labels for word in named)
    names_person = "person" in labels and not PERSON_WORDS.isdisjoint(named)
    can_name = line.language.name == ENGLISH or any(claim.backed_by & labels for claim in BY_WORD.values())
    if labels and can_name and not (names_label or names_claim or names_person):
        raise AnswerRejectedError(Kind.NOTHING_SEEN, "the summary names nothing that was detected")


def refuse_counts(summary: str, reasoning: str, context: Context) -> None:
    """Reject a number of objects above the most that were in one picture."""
    most = {label.lower().replace(" ", "_"): count for label, count in together(context).items()}
    for text in (summary, reasoning):
        line = read(NO_COUNTS.sub(" , ", lowered(text)))
        for index, word in line.claimed():
            claim = claim_of(word, line.language)
            count = sum(most.get(label, 0) for label in claim.backed_by) if claim else 0
            if claim and 0 < count < (written := _number_before(line, index)):
                raise AnswerRejectedError(Kind.COUNT, f"the answer counts {written} of {claim.name}, not {count}")


def refuse_inventions(summary: str, reasoning: str, context: Context) -> None:
    if named := ungrounded(f"{summary}\n{reasoning}", context):
        listed = ", ".join(named[:5])
        raise AnswerRejectedError(Kind.INVENTION, f"the answer names what was not detected: {listed}")


def refuse_assertions(summary: str, reasoning: str, context: Context) -> None:
    for text, is_summary in ((summary, True), (reasoning, False)):
        for assertion in unsupported(text, context, is_summary=is_summary):
            raise AnswerRejectedError(assertion.kind, f"the answer asserts what no detection shows: {assertion.name}")


def refuse_echoes(summary: str, reasoning: str, context: Context) -> None:
    """Reject a text that speaks of the task instead of the scene, which small models write."""
    found = ECHO_IN_SUMMARY.search(lowered(summary)) or ECHO.search(lowered(f"{summary}\n{reasoning}"))
    if found and found[0] not in lowered(context.camera_name):
        raise AnswerRejectedError(Kind.ECHO, f"the answer repeats the task: {found[0]}")


def refuse_voices(summary: str, reasoning: str, context: Context) -> None:
    """Reject a model that plays a part: "I have been in my car", "you saw the dog"."""
    if found := VOICE_IN_SUMMARY.search(lowered(summary)) or VOICE.search(lowered(reasoning)):
        raise AnswerRejectedError(Kind.VOICE, f"the answer speaks as a part of the scene: {found[0]}")


def require_whole_summary(summary: str, reasoning: str, context: Context) -> None:
    """Reject a summary that the limit of its length cut."""
    line = read(summary)
    last = line.words[-1] if line.words else ""
    if line.language.name == ENGLISH and (last in OPEN_ENDS or summary.rstrip().endswith(("'", "(", "-", "\u2019"))):
        raise AnswerRejectedError(Kind.INCOMPLETE, f"the summary ends with {last!r}")


def require_reason(summary: str, reasoning: str, context: Context) -> None:
    """Reject a reasoning that names neither what was detected nor a fact of place, time or habit."""
    line = read(reasoning)
    named = set(line.words)
    names_subject = any(claim_of(word, line.language) for word in named) or not named.isdisjoint(PERSON_WORDS)
    own_words = {part for label in context.labels for part in label.lower().split()}
    if line.language.name == ENGLISH and not names_subject and named.isdisjoint(REASON_WORDS | own_words):
        raise AnswerRejectedError(Kind.NO_REASON, "the reasoning weighs nothing of what was detected")


def refuse_names(summary: str, reasoning: str, context: Context) -> None:
    if names := names_of_people(f"{summary}\n{reasoning}", context):
        raise AnswerRejectedError(Kind.NAME, f"the answer names a person: {', '.join(names[:3])}")


Check = Callable[[str, str, Context], None]
CHECKS: tuple[Check, ...] = (
    require_known_language, refuse_echoes, refuse_voices, require_whole_summary, refuse_denials, refuse_counts,
    refuse_inventions, refuse_assertions, refuse_names, require_detected_subject, require_reason,
)  # fmt: skip
CHECKS_WITHOUT_PICTURES: frozenset[Check] = frozenset({refuse_inventions, refuse_assertions})


def _share_of_other_scripts(text: str) -> float:
    letters = [character for character in text if character.isalpha()]
    others = [character for character in letters if not unicodedata.name(character, "").startswith("LATIN")]
    return len(others) / len(letters) if letters else 0.0


def _is_denied(line: Line, index: int) -> bool:
    """Whether the word itself is denied: "no person", "no sign of a person", "a person was not seen".

    "The person was not seen entering" and "no other person" deny something else.
    """
    before = index - 1
    while before >= 0 and line.words[before] in OF_DENIAL:
        before -= 1
    if before >= 0 and is_denial(line.words[before], line.language) and line.words[before] != "not":
        return True
    after = line.words[index + 1 : index + 5]
    for place, word in enumerate(after):
        if word in SEEN and any(is_denial(earlier, line.language) for earlier in after[:place]):
            return line.words[index + 2 + place : index + 3 + place] in (
                (),
                *((end,) for end in ENDS),
                ("in",),
                ("at",),
            )
        if word in ENDS:
            return False
    return False


def _number_before(line: Line, index: int) -> int:
    """Return the number that counts the word at `index`, or 0."""
    for word in reversed(line.words[max(index - BETWEEN - 1, 0) : index]):
        if word in ENDS or word == "," or claim_of(word, line.language):
            return 0
        if word.isdigit() and len(word) < 4:
            return int(word) if int(word) <= HIGHEST_NUMBER else 0
        if line.language.name == ENGLISH and word in NUMBERS:
            return NUMBERS[word]
        if word in line.language.common and word != "of":
            return 0
    return 0
