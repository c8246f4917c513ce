"""The sentence of the rules about a situation: who, where, came from, stayed, left."""

from __future__ import annotations

from events.analyzers.situation import Situation, Subject
from events.analyzers.texts import one_line
from events.analyzers.translations import is_english, label_name, translated

MAX_KINDS, MAX_PATHS = 3, 2
MAX_NAME_CHARACTERS, MAX_LABEL_CHARACTERS, MAX_PATH_CHARACTERS = 80, 40, 160
MINUTE_SECONDS, LONGEST_IN_SECONDS = 60, 120
GROUNDS = {
    "street": "in the street",
    "entrance": "at the entrance",
    "driveway": "in the driveway",
    "indoor": "indoors",
    "private": "on private ground",
}
PLURALS = {
    "person": "people",
    "knife": "knives",
    "sheep": "sheep",
    "bus": "buses",
    "mouse": "mice",
    "skis": "skis",
    "scissors": "scissors",
    "sandwich": "sandwiches",
    "bench": "benches",
    "wine glass": "wine glasses",
    "toothbrush": "toothbrushes",
}


def sentence(situation: Situation) -> str:
    """Return one line about what happened, in the time zone of the camera."""
    where = translated("{name} at {time}", name=_name(situation.camera_name), time=f"{situation.at:%H:%M}")
    if not situation.subjects:
        return translated("Nothing was detected at {where}", where=where)
    # People come first. The other labels stay in the order of the situation.
    subjects = sorted(situation.subjects, key=lambda subject: subject.group != "person")
    what = _list([quantity(subject.label, subject.count) for subject in subjects])
    stay = _stay(situation, subjects[0])
    first = translated("{what} at {where}, {stay}", what=_capitalized(what), where=where, stay=stay)
    # Paths are written in English only.
    paths = [one_line(path, MAX_PATH_CHARACTERS) for path in situation.paths[:MAX_PATHS]] if is_english() else []
    return "; ".join([first, *paths])


def quantity(label: str, count: int) -> str:
    """Return such as `a car` or `3 people`, in other languages `Auto` or `Person (3)`."""
    if not is_english():
        name = one_line(label_name(label), MAX_LABEL_CHARACTERS) or "?"
        return f"{name} ({count})" if count > 1 else name
    name = one_line(label, MAX_LABEL_CHARACTERS) or "something"
    if count > 1:
        return f"{count} {PLURALS.get(name, f'{name}s')}"
    if name == PLURALS.get(name) or name == "something":
        return name
    return f"{'an' if name[0].lower() in 'aeio' else 'a'} {name}"


def duration(seconds: float) -> str:
    whole = round(seconds)
    if whole >= LONGEST_IN_SECONDS:
        return translated("{count} minutes", count=whole // MINUTE_SECONDS)
    return translated("1 second") if whole == 1 else translated("{count} seconds", count=whole)


def _name(camera_name: str) -> str:
    return one_line(camera_name, MAX_NAME_CHARACTERS) or translated("a camera")


def _capitalized(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"


def _list(names: list[str]) -> str:
    first_names = names[:MAX_KINDS]
    if len(names) > MAX_KINDS:
        return translated("{names} and more", names=", ".join(first_names))
    if not is_english():
        return ", ".join(first_names)
    return " and ".join(filter(None, [", ".join(first_names[:-1]), first_names[-1]]))


def _stay(situation: Situation, subject: Subject) -> str:
    """Return where and how long, such as `on private ground for 40 seconds`."""
    if round(situation.seconds):
        how_long = translated("for {duration}", duration=duration(situation.seconds))
    elif situation.pictures == 1:
        how_long = translated("in 1 picture")
    else:
        how_long = translated("in {count} pictures", count=situation.pictures)
    return f"{translated(GROUNDS.get(subject.place, 'seen'))} {how_long}"
