"""Checks whether a text names something that was not detected.

Small language models tend to add a knife or a car. The check covers claims that change what a person does: people,
vehicles, animals, weapons and bags, as whole words with their plurals and plain synonyms. Words with many everyday
meanings (bed, book, clock, chair, bear, bat, box) are only checked in an unambiguous form.

A claim is grounded if this camera detected its label, or if a label, the name of the camera or one of its earlier
summaries names the same thing. A denial is not a claim: "no vehicle", "without bags or weapons", "a car was not seen".
A guess ("perhaps a knife") is a claim, because it frightens as much.

Each line is checked in its own language (`events.analyzers.languages`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from events.analyzers import Context
from events.analyzers.languages import ENGLISH, Language, can_be_checked, language_of

VEHICLES = "car truck bus motorcycle bicycle train boat airplane van"
ANIMALS = "bird cat dog horse sheep cow elephant bear zebra giraffe"
BAGS = "backpack handbag suitcase"
ARMS = "knife scissors gun baseball_bat machete axe crowbar"

# (labels that ground the claim, words that make it). Messages use the first word.
CLAIMS = (
    ("person", "person persons people pedestrian pedestrians man men woman women child children boy boys girl girls"),
    ("person", "intruder intruders burglar burglars thief thieves trespasser trespassers prowler prowlers"),
    ("car", "car cars sedan sedans suv suvs hatchback"),
    ("truck", "truck trucks lorry lorries"),
    ("bus", "bus buses"),
    ("van car truck bus", "van vans"),
    ("motorcycle", "motorcycle motorcycles motorbike motorbikes moped mopeds"),
    ("bicycle", "bicycle bicycles cyclist cyclists"),
    ("bicycle motorcycle", "bike bikes"),
    ("train", "train trains"),
    ("boat", "boat boats"),
    ("airplane", "airplane airplanes aeroplane aeroplanes aircraft"),
    (VEHICLES, "vehicle vehicles"),
    ("bird", "bird birds"),
    ("cat", "cat cats kitten kittens"),
    ("dog", "dog dogs puppy puppies"),
    ("horse", "horse horses pony ponies"),
    ("sheep", "sheep lamb lambs"),
    ("cow", "cow cows cattle"),
    ("elephant", "elephant elephants"),
    ("bear", "bear_animal"),
    ("zebra", "zebra zebras"),
    ("giraffe", "giraffe giraffes"),
    (ANIMALS, "animal animals pet pets wildlife"),
    ("knife", "knife knives dagger daggers"),
    ("scissors", "scissors"),
    ("baseball_bat", "baseball_bat"),
    ("gun", "gun guns pistol pistols handgun handguns rifle rifles shotgun shotguns revolver firearm firearms"),
    ("machete", "machete machetes"),
    ("axe", "axe axes"),
    ("crowbar", "crowbar crowbars"),
    (ARMS, "weapon weapons"),
    ("backpack", "backpack backpacks rucksack rucksacks"),
    ("handbag", "handbag handbags purse purses"),
    ("suitcase", "suitcase suitcases luggage"),
    (BAGS, "bag bags"),
)

# Replaced before the words are checked: phrases with a meaning of their own.
PHRASES = (
    (re.compile(r"\bbaseball bats?\b"), "baseball_bat"),
    (re.compile(r"\b(?:a|the|black|brown|grizzly) bears?\b"), "bear_animal"),
    (re.compile(r"\b(?:no doubt|no question|not only|not just|no (?:less|fewer|more) than)\b"), ""),
    (re.compile(r"\b(?:car|bike) (?:park|port)s?\b|\b(?:bus|train) (?:stop|station)s?\b|\btrain of\b"), ""),
)
TOKEN = re.compile(r"[^\W\d]+(?:[-'][^\W\d]+)*|[0-9]+|[.,;:!?\n]")
ENDS = {".", ";", ":", "!", "?", "\n", "but", "however", "yet", "though", "although", "while", "whereas", "except"}
ENDS |= {"aber", "sondern", "mais", "pero", "maar", "ma", "mas"}
DENIALS = {"no", "not", "without", "nor", "neither", "never", "none", "cannot", "nobody", "nothing", "zero", "0"}
DENIALS |= {"lack", "lacks", "lacking", "absence", "absent"}
DETERMINERS = {"a", "an", "the", "one", "two", "three", "some", "several", "another", "his", "her", "their", "this"}
SEEN = {"detected", "seen", "visible", "present", "found", "observed", "identified", "noticed", "spotted", "shown"}
# How many words a denial covers: "no sign of any moving vehicle".
REACH = 5


@dataclass(frozen=True, slots=True)
class Claim:
    """A thing that a text may name, and the labels that ground it."""

    name: str
    backed_by: frozenset[str]


BY_WORD = {
    word: Claim(words.split()[0].removesuffix("_animal").replace("_", " "), frozenset(labels.split()))
    for labels, words in CLAIMS
    for word in words.split()
}


def ungrounded(text: str, context: Context) -> list[str]:
    """Return the claims of `text` that `context` does not ground, each once, in the order of the text."""
    backed_labels, named_claims = _evidence(context)
    claims: dict[str, None] = {}
    for claim in (claim for line in text.splitlines() for claim in claims_in(line)):
        if claim not in named_claims and not claim.backed_by & backed_labels:
            claims[claim.name] = None
    return list(claims)


def unchecked(text: str) -> list[str]:
    """Return the languages of the lines of `text` that have no word list."""
    languages = (language_of(TOKEN.findall(_lowered(line))) for line in text.splitlines())
    return list(dict.fromkeys(language.name for language in languages if not can_be_checked(language)))


def claims_in(line: str) -> Iterator[Claim]:
    """Yield every claim of a line that is not denied."""
    language = language_of(TOKEN.findall(_lowered(line)))
    tokens = _tokens(line, language)
    reach = 0
    for index, word in enumerate(tokens):
        claim = _claim(word, language)
        if claim and not reach and not _denied_after(tokens[index + 1 : index + 9]):
            yield claim
        reach = _reach(reach, word, tokens[index + 1] if index + 1 < len(tokens) else "", language)


def _claim(word: str, language: Language) -> Claim | None:
    """Return the claim of `word` in that language. French and Italian attach an article: l'auto."""
    if language.name == ENGLISH:
        return BY_WORD.get(word.removesuffix("'s"))
    thing = language.things.get(word) or language.things.get(word.rpartition("'")[2])
    return BY_WORD[thing] if thing else None


def _lowered(text: str) -> str:
    return text.lower().replace("\u2019", "'")


def _tokens(line: str, language: Language) -> list[str]:
    lowered = _lowered(line)
    for pattern, meaning in PHRASES if language.name == ENGLISH else ():
        lowered = pattern.sub(meaning, lowered)
    return TOKEN.findall(lowered)


def _reach(reach: int, word: str, following: str, language: Language) -> int:
    """Return how many more words a denial covers after `word`. A list extends it: "no bags, pets or cars"."""
    if word in (DENIALS if language.name == ENGLISH else language.denials) or word.endswith("n't"):
        return REACH
    if word in ENDS or word == "and" or (word == "," and following in DETERMINERS):
        return 0
    if reach and word in {",", "or"}:
        return REACH
    return max(reach - 1, 0)


def _denied_after(following: list[str]) -> bool:
    """Whether the claim is followed by "was not seen" or ": none"."""
    if following[:1] == [":"] and following[1:2] and following[1] in DENIALS:
        return True
    for index, word in enumerate(following):
        if word in ENDS or word in {",", "and"}:
            return False
        if word in {"not", "never"} or word.endswith("n't"):
            return any(later in SEEN for later in following[index + 1 : index + 4])
    return False


def _evidence(context: Context) -> tuple[frozenset[str], frozenset[Claim]]:
    """Return the detected labels, and the claims in labels, the name of the camera and earlier summaries."""
    lines = [*context.labels, context.camera_name, *(event.summary for event in context.earlier)]
    named_claims = frozenset(claim for line in lines for claim in _named(line))
    return frozenset(label.lower().replace(" ", "_") for label in context.labels), named_claims


def _named(line: str) -> Iterator[Claim]:
    """Yield every thing that `line` names, in its own language or in English, denied or not."""
    language = language_of(TOKEN.findall(_lowered(line)))
    for word in _tokens(line, language):
        for claim in (BY_WORD.get(word), _claim(word, language)):
            if claim:
                yield claim
