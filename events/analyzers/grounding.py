"""Checks whether a text names something that was not detected.

Small language models tend to add a knife or a car. The check covers claims that change what a person does: people,
vehicles, animals, weapons and bags, as whole words with their plurals and plain synonyms. Words with many everyday
meanings (bed, book, clock, chair, bear, bat, box) are only checked in an unambiguous form.

A claim is grounded if this camera detected its label, or if a label, the name of the camera or one of its earlier
summaries names the same thing. `events.analyzers.wording` decides what is denied. A guess ("perhaps a knife") is a
claim.

Each line is checked in its own language (`events.analyzers.languages`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from events.analyzers import Context
from events.analyzers.languages import ENGLISH, Language
from events.analyzers.wording import read

VEHICLES = "car truck bus motorcycle bicycle train boat airplane van"
ANIMALS = "bird cat dog horse sheep cow elephant bear zebra giraffe"
BAGS = "backpack handbag suitcase"
ARMS = "knife scissors gun baseball_bat machete axe crowbar"

# (labels that ground the claim, words that make it). Messages use the first word.
CLAIMS = (
    ("person", "person persons people pedestrian pedestrians man men woman women child children boy boys girl girls"),
    ("person", "male males female females lady ladies guy guys"),
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
    (ARMS, "weapon weapons armed"),
    ("backpack", "backpack backpacks rucksack rucksacks"),
    ("handbag", "handbag handbags purse purses"),
    ("suitcase", "suitcase suitcases luggage"),
    (BAGS, "bag bags"),
)


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
    backed_labels, named_claims = detected_labels(context), _named_claims(context)
    claims: dict[str, None] = {}
    for claim in (claim for line in text.splitlines() for claim in claims_in(line)):
        if claim not in named_claims and not claim.backed_by & backed_labels:
            claims[claim.name] = None
    return list(claims)


def claims_in(text: str) -> Iterator[Claim]:
    """Yield every claim of a line that is not denied."""
    line = read(text)
    for _, word in line.claimed():
        if claim := claim_of(word, line.language):
            yield claim


def claim_of(word: str, language: Language) -> Claim | None:
    """Return the claim of `word` in that language. French and Italian attach an article: l'auto."""
    if language.name == ENGLISH:
        return BY_WORD.get(word.removesuffix("'s"))
    thing = language.things.get(word) or language.things.get(word.rpartition("'")[2])
    return BY_WORD[thing] if thing else None


def detected_labels(context: Context) -> frozenset[str]:
    """Return the labels as claims name them: `baseball_bat`."""
    return frozenset(label.lower().replace(" ", "_") for label in context.labels)


def _named_claims(context: Context) -> frozenset[Claim]:
    """Return the claims in labels, the name of the camera and earlier summaries."""
    lines = [*context.labels, context.camera_name, *(event.summary for event in context.earlier)]
    return frozenset(claim for line in lines for claim in _named(line))


def _named(text: str) -> Iterator[Claim]:
    """Yield every thing that a line names, in its own language or in English, denied or not."""
    line = read(text)
    for word in line.words:
        for claim in (BY_WORD.get(word), claim_of(word, line.language)):
            if claim:
                yield claim
