"""The sentence of the rules about a situation: who, where, came from, stayed, left."""

from __future__ import annotations

from events.analyzers.situation import Situation, Subject
from events.analyzers.texts import one_line

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
    where = f"{_name(situation.camera_name)} at {situation.at:%H:%M}"
    if not situation.subjects:
        return f"Nothing was detected at {where}"
    # People come first. The other labels stay in the order of the situation.
    subjects = sorted(situation.subjects, key=lambda subject: subject.group != "person")
    what = _list([quantity(subject.label, subject.count) for subject in subjects])
    paths = [one_line(path, MAX_PATH_CHARACTERS) for path in situation.paths[:MAX_PATHS]]
    return "; ".join([f"{_capitalized(what)} at {where}, {_stay(situation, subjects[0])}", *paths])


def quantity(label: str, count: int) -> str:
    """Return such as `a car` or `3 people`."""
    name = one_line(label, MAX_LABEL_CHARACTERS) or "something"
    if count > 1:
        return f"{count} {PLURALS.get(name, f'{name}s')}"
    if name == PLURALS.get(name) or name == "something":
        return name
    return f"{'an' if name[0].lower() in 'aeio' else 'a'} {name}"


def duration(seconds: float) -> str:
    whole = round(seconds)
    if whole >= LONGEST_IN_SECONDS:
        return f"{whole // MINUTE_SECONDS} minutes"
    return "1 second" if whole == 1 else f"{whole} seconds"


def _name(camera_name: str) -> str:
    return one_line(camera_name, MAX_NAME_CHARACTERS) or "a camera"


def _capitalized(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"


def _list(names: list[str]) -> str:
    first_names = names[:MAX_KINDS]
    if len(names) > MAX_KINDS:
        return f"{', '.join(first_names)} and more"
    return " and ".join(filter(None, [", ".join(first_names[:-1]), first_names[-1]]))


def _stay(situation: Situation, subject: Subject) -> str:
    """Return where and how long, such as `on private ground for 40 seconds`."""
    if round(situation.seconds):
        how_long = f"for {duration(situation.seconds)}"
    else:
        how_long = "in 1 picture" if situation.pictures == 1 else f"in {situation.pictures} pictures"
    return f"{GROUNDS.get(subject.place, 'seen')} {how_long}"
