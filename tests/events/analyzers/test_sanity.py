from __future__ import annotations

import pytest

from events.analyzers import Context
from events.analyzers.rejections import TEXTS, AnswerRejectedError, Kind
from events.analyzers.sanity import check
from tests.events.analyzers.contexts import context, seen

FINE = "One person was seen for a few seconds at an unusual hour."


def kind_of(summary: str, reasoning: str = FINE, batch: Context | None = None, **how: bool) -> Kind | None:
    try:
        check(summary, reasoning, batch or context(), **how)
    except AnswerRejectedError as error:
        return error.kind
    return None


INVENTED = [
    ("A delivery driver leaves a package at the front door.", Kind.ROLE),
    ("A masked individual tried the handle of the front door.", Kind.LOOK),
    ("A person broke the window and left.", Kind.ACT),
    ("Two hooded males with a ladder walk by.", Kind.COUNT),
    ("A mail carrier in a blue uniform walks to the door.", Kind.ROLE),
    ("A person pushes a stroller along the path.", Kind.THING),
    ("A person stands before fire and smoke.", Kind.THING),
    ("A resident came home.", Kind.ROLE),
    ("Nothing was seen at the front door.", Kind.DENIAL),
    ("A person holds a crowbar.", Kind.INVENTION),
]


@pytest.mark.parametrize(("summary", "kind"), INVENTED)
def test_an_invention_is_rejected_with_its_kind(summary: str, kind: Kind) -> None:
    assert kind_of(summary) == kind


def test_an_invention_in_the_reasoning_is_rejected_too() -> None:
    summary = "A person was seen at the front door."
    assert kind_of(summary, "The masked person broke the window.") == Kind.LOOK
    assert kind_of(summary, "The person may have tried the door, or could be wearing a mask.") is None


@pytest.mark.parametrize(
    "summary",
    [
        "A person was seen at the front door at 23:12.",
        "Someone stood at the front door for 12 seconds late in the evening.",
        "An individual walked past at night; no weapon or package was seen.",
        "A man waits at the door. There is no sign of a break-in.",
        "Possibly an intruder: a person stays at the door.",
        "At 23:12 2 pictures show one person.",
        "A person was seen 3 times, with 95% confidence.",
        "A person, but no other people, appeared.",
        "The person was not seen entering. No one else was there.",
        "A single person passes, and no suspicious movement follows.",
        "Eine Person steht an der Tür und geht weiter.",
        "Een persoon blijft bij de deur van het huis staan.",
    ],
)
def test_a_sound_summary_passes(summary: str) -> None:
    assert kind_of(summary) is None


@pytest.mark.parametrize(
    "summary",
    [
        "No person was detected at the door.",
        "There is no sign of any person.",
        "A person was not seen.",
        "No activity: the person is not there.",
        "Nobody was at the door, no person.",
        "The scene is empty of any person.",
        "Es wurde keine Person an der Tür gesehen.",
    ],
)
def test_a_denial_of_what_was_detected_is_rejected(summary: str) -> None:
    assert kind_of(summary) == Kind.DENIAL


@pytest.mark.parametrize(
    ("summary", "kind"),
    [
        ("Two people stand at the door.", Kind.COUNT),
        ("A group of people is at the door.", Kind.COUNT),
        ("3 persons pass by.", Kind.COUNT),
        ("Several unknown men wait.", Kind.COUNT),
        ("3 Personen stehen an der Tür und sind im Garten.", Kind.COUNT),
        ("Two people and a car are at the door.", Kind.COUNT),
        ("One person waits, then walks.", None),
    ],
)
def test_more_than_were_in_one_picture_is_rejected(summary: str, kind: Kind | None) -> None:
    assert kind_of(summary) == kind


def test_as_many_as_were_in_one_picture_pass() -> None:
    batch = context(seen(), seen(), seen("car"), seen("truck"))
    assert kind_of("Two people pass two vehicles.", batch=batch) is None
    assert kind_of("Three people pass two vehicles.", batch=batch) == Kind.COUNT


@pytest.mark.parametrize("summary", ["Activity was seen.", "Movement at the front door at night.", "The end."])
def test_a_summary_that_names_nothing_detected_is_rejected(summary: str) -> None:
    assert kind_of(summary) == Kind.NOTHING_SEEN


def test_a_label_without_synonyms_is_named_by_its_own_words() -> None:
    assert (
        kind_of(
            "Two chairs moved.",
            reasoning="Nothing else was there at this hour.",
            batch=context(seen("chair"), seen("chair")),
        )
        is None
    )
    assert (
        kind_of("A plant fell.", reasoning="Nothing else was there at this hour.", batch=context(seen("potted plant")))
        is None
    )


@pytest.mark.parametrize(
    "summary",
    ["John Miller walks to the door, a person.", "A person, Mrs. Abernathy, waits.", "The person is Maria."],
)
def test_a_name_is_rejected_unless_the_camera_has_it(summary: str) -> None:
    assert kind_of(summary) == Kind.NAME
    named = context(camera_name="Maria, Abernathy and John: door")
    assert kind_of(summary, batch=named) is None


@pytest.mark.parametrize(
    "summary",
    ["有一个人站在门口。", "Человек стоит у двери.", "En person står vid dörren, men rör sig inte."],  # noqa: RUF001
)
def test_a_language_that_cannot_be_checked_is_rejected(summary: str) -> None:
    assert kind_of(summary) == Kind.LANGUAGE


def test_the_camera_and_the_labels_support_what_they_name() -> None:
    assert kind_of("A delivery: a person at the door.", batch=context(camera_name="Delivery door")) is None
    assert kind_of("A person with a parcel.", batch=context(seen(), seen("parcel"))) is None


@pytest.mark.parametrize(
    "summary",
    [
        "Eine maskierte Person steht an der Tür.",
        "Une personne avec une échelle est devant la porte.",
        "Una persona rompe la puerta y entra.",
        "De persoon is de bezorger van het pakket.",
        "Una persona con una scala è davanti alla porta.",
        "Uma pessoa quebrou a porta da casa.",
    ],
)
def test_inventions_are_found_in_every_language_with_a_list(summary: str) -> None:
    assert kind_of(summary) in {Kind.ROLE, Kind.ACT, Kind.LOOK, Kind.THING}


def test_with_pictures_a_model_may_describe_what_it_saw_but_not_deny_or_miscount() -> None:
    assert kind_of("A courier in a red jacket, a person, leaves a package.", has_pictures=True) is None
    assert kind_of("No person was seen.", has_pictures=True) == Kind.DENIAL
    assert kind_of("Five people wait.", has_pictures=True) == Kind.COUNT


def test_every_kind_has_a_text() -> None:
    assert set(TEXTS) == set(Kind)


@pytest.mark.parametrize(
    ("summary", "reasoning"),
    [
        ("The people who live there saw a person.", FINE),
        ("The data lists a person at the door.", FINE),
        ("A person was seen.", "The answer is one JSON object."),
        ("A person was seen <b>here</b>.", FINE),
    ],
)
def test_a_text_about_the_task_is_rejected(summary: str, reasoning: str) -> None:
    assert kind_of(summary, reasoning) == Kind.ECHO


def test_a_reasoning_may_speak_of_the_data() -> None:
    assert kind_of("A person was seen.", "The data lists one person, as on most days: a habit.") is None


@pytest.mark.parametrize(
    ("summary", "reasoning", "kind"),
    [
        ("I have been in my house, a person.", FINE, Kind.VOICE),
        ("You saw a person in front of your door.", FINE, Kind.VOICE),
        ("A person was seen.", "I am not sure what to do about a person.", Kind.VOICE),
        ("A person was seen at the door and", FINE, Kind.INCOMPLETE),
        ("A person was seen in front of it, and it'", FINE, Kind.INCOMPLETE),
        ("A person was seen.", "Weigh carefully and decide wisely.", Kind.NO_REASON),
        ("A person is at your front door.", "I rate this low: ordinary for this hour.", None),
    ],
)
def test_a_model_that_plays_a_part_stops_early_or_gives_no_reason_is_rejected(
    summary: str, reasoning: str, kind: Kind | None
) -> None:
    assert kind_of(summary, reasoning) == kind
