from __future__ import annotations

import pytest

from events.analyzers import Earlier
from events.analyzers.grounding import ungrounded
from tests.events.analyzers.contexts import EVENING, context, seen


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("A person with a knife stands at the door.", ["knife"]),
        ("A man holds what may be a gun.", ["gun"]),
        ("Two cars and a dog pass.", ["car", "dog"]),
        ("The person's van is parked.", ["van"]),
        ("A burglar carries a baseball bat and a Backpack.", ["baseball bat", "backpack"]),
        ("No vehicle is there, but a man with a knife is.", ["knife"]),
        ("No vehicle, a man with a knife.", ["knife"]),
        ("There is no doubt a car is present.", ["car"]),
        ("The dog is not moving.", ["dog"]),
        ("A brown bear walks by.", ["bear"]),
        ("Without a coat on, in the dark and rain, he left his car", ["car"]),
    ],
)
def test_a_thing_that_no_detector_saw_is_found(text: str, named: list[str]) -> None:
    assert ungrounded(text, context()) == named


@pytest.mark.parametrize(
    "text",
    [
        "A man, perhaps an intruder, waits; these people stay.",
        "No vehicle was seen.",
        "No weapons, bags, or vehicles were detected.",
        "There are no signs of any other animals.",
        "A person without a bag or a weapon.",
        "Vehicles: none. Weapon: not detected.",
        "A vehicle was not seen. Bags weren't visible.",
        "The person isn't carrying a weapon.",
        "A man-made sound near the car park and the bus stop, from a bird's-eye view.",
        "Bear in mind the clock, the bed, the book and the chair: a bat-like box.",
        "Carefully planned, categorised, begun in a scary, doggedly barking cartoon.",
    ],
)
def test_what_is_denied_or_means_something_else_is_no_claim(text: str) -> None:
    assert ungrounded(text, context()) == []


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("car", "A vehicle, an SUV or a van."),
        ("dog", "A puppy; an animal."),
        ("baseball bat", "A weapon: a baseball bat."),
        ("handbag", "The bag is a purse."),
        ("pickup truck", "A truck."),
        ("gun", "A pistol, a weapon."),
    ],
)
def test_synonyms_and_kinds_of_a_detected_label_are_backed(label: str, text: str) -> None:
    assert ungrounded(text, context(seen(label))) == []
    assert ungrounded(text, context(seen("person"))) != []


def test_only_what_was_detected_backs_a_person() -> None:
    assert ungrounded("A person left the car.", context(seen("car"))) == ["person"]


def test_the_name_and_earlier_events_of_the_camera_back_what_they_name() -> None:
    batch = context(camera_name="Kennel of the dogs", earlier=(Earlier(EVENING, 5, "A cat passed."),))
    assert ungrounded("After the cat, a dog, and then a car and a bike: a knife.", batch) == ["car", "bike", "knife"]


def test_each_invention_is_named_once_in_order() -> None:
    assert ungrounded("A knife, a car, knives and cars.", context()) == ["knife", "car"]


@pytest.mark.parametrize(
    "text",
    [
        "Een persoon blijft bij de deur van het huis staan.",
        "Twee mensen lopen van de poort naar de deur, maar men ziet hen niet lang.",
        "Une personne est en train de marcher devant la porte.",
        "La personne reste car la porte est fermée, sur l'axe de la rue.",
        "Dos personas van hacia la puerta.",
        "Eine Person hält sich an der Tür auf, man sieht sie nur kurz.",
        "Una persona cammina davanti alla porta, vicino al muro.",
        "Uma pessoa está perto da porta e não se move.",
        "En person står vid dörren, men rör sig inte.",
        "Osoba stoi przy drzwiach i nie rusza się.",
        "Evin önünde bir kişi görüldü.",
        "Er war kein Auto und kein Hund da.",
        "Il n'y a pas de voiture ni de chien dans la rue.",
    ],
)
def test_sound_sentences_of_other_languages_claim_nothing(text: str) -> None:
    assert ungrounded(text, context(seen("person"))) == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Eine Person mit einem Messer steht an der Tür.", ["knife"]),
        ("Un homme avec un pistolet est devant l'entrée, et une voiture.", ["gun", "car"]),
        ("Un hombre con un cuchillo está en la puerta.", ["knife"]),
        ("Een man met een mes staat bij de voordeur van het huis.", ["knife"]),
        ("Un uomo con una pistola è davanti alla porta, e l'auto è ferma.", ["gun", "car"]),
        ("Um homem com uma faca está em frente à porta.", ["knife"]),
        ("Die Frau hat keine Tasche, aber einen Hund.", ["dog"]),
    ],
)
def test_what_was_not_detected_is_found_in_other_languages_too(text: str, named: list[str]) -> None:
    assert ungrounded(text, context(seen("person"))) == named


def test_each_line_is_read_in_its_own_language() -> None:
    text = "A person is at the gate with a van.\nEr staat een persoon bij de deur van het huis."
    assert ungrounded(text, context(seen("person"))) == ["van"]


def test_an_earlier_summary_backs_what_it_names_in_its_language() -> None:
    batch = context(earlier=(Earlier(EVENING, 5, "Er loopt een hond bij de deur."),))
    assert ungrounded("De man is met de hond bij de auto.", batch) == ["car"]
