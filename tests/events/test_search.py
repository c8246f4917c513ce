"""The same words find the same events on either engine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cameras.models import Camera
from events import search
from events.models import Event
from tests import factories

pytestmark = pytest.mark.django_db

TEXTS = {
    "porch": {"summary": "A person walks to the front door.", "reasoning": "It is late.", "labels": ["person"]},
    "car": {"summary": "A car stops in the driveway!", "notes": "the postman's van", "labels": ["car", "sports ball"]},
    "front": {"summary": "The door of the front garden is open", "labels": []},
    "words": {"summary": "Ärger über ÉCOLE naïve Straße Привет 監視 1e5 0x1f a_b rock'n'roll", "labels": ["other"]},
    "empty": {"summary": "", "labels": []},
}  # fmt: skip


@pytest.fixture
def events() -> dict[str, Event]:
    yard = factories.camera("yard", name="Back yard")
    return {name: factories.event(yard, **values) for name, values in TEXTS.items()}


@pytest.fixture
def door() -> Camera:
    return factories.camera("door", name="Front door")


@pytest.fixture
def viewer(client: Client, door: Camera) -> Client:
    client.force_login(factories.user(sees=door))
    return client


def ids(client: Client, **query: Any) -> list[int]:
    answer = client.get("/api/events", query)
    assert answer.status_code == 200, answer.content
    return [one["id"] for one in answer.json()["items"]]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("person", {"porch"}),
        ("PERSON", {"porch"}),
        ("front door", {"porch", "front"}),
        ('"front door"', {"porch"}),
        ("front-door", {"porch"}),
        ("per*", {"porch"}),
        ("per", set()),
        ('"the fr*"', set()),
        ('"the fr"*', {"porch", "front"}),
        ("door -person", {"front"}),
        ('door -"front door"', {"front"}),
        ("-door", {"car", "words", "empty"}),
        ("postman", {"car"}),
        ('"sports ball"', {"car"}),
        ("late", {"porch"}),
        ("person car", set()),
        ("ärger", {"words"}),
        ("a\u0308rger", {"words"}),
        ("arger", set()),
        ("école", {"words"}),
        ("straße", {"words"}),
        ("ПРИВЕТ", {"words"}),
        ("監*", {"words"}),
        ("1e5", {"words"}),
        ("0x1f", {"words"}),
        ("a_b", {"words"}),
        ("rock'n'roll", {"words"}),
        ("back", set(TEXTS)),
        ('"back yard" person', {"porch"}),
        ("yard -person", {"car", "front", "words", "empty"}),
        ("-yard", set()),
    ],
)
def test_a_query_finds(events: dict[str, Event], query: str, names: set[str]):
    found = set(search.matching(Event.objects.all(), search.parse(query)).values_list("pk", flat=True))
    assert {name for name, event in events.items() if event.pk in found} == names


@pytest.mark.parametrize(
    "query",
    [
        "person OR car", "person AND NOT car", "NEAR(person car)", "summary:person", "{summary}:person", "person^2",
        "^person", "person & !car", "person | car", "person:*A", "person <-> car", "(person", ")", "person*car", "'--",
        "\\", "%", "_", "w", "'';", "person'); DROP TABLE events_event; --", '"', '"""', "*", "-", "- -", '-"', "+",
        "\ud7ff", "\U0001f600", "a" * 200, "a " * 100, "-a " * 66, '"a" ' * 50,
    ],
)  # fmt: skip
def test_operators_of_the_engines_are_text(viewer: Client, door: Camera, query: str):
    factories.event(door, summary="A person.")
    for order in ("newest", "rank"):
        answer = viewer.get("/api/events", {"q": query, "order": order})
        no_words = not search.parse(query)
        assert answer.status_code == (400 if no_words and order == "rank" else 200)
        assert not (no_words and answer.json().get("items"))
    assert Event.objects.exists()


@pytest.mark.parametrize("query", ["a" * 201, "word " * 2000, "a\0b"])
def test_a_query_that_does_not_fit_is_an_error_of_its_field(viewer: Client, query: str):
    answer = viewer.get("/api/events", {"q": query})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["q"])


def test_a_query_that_is_not_utf_8_finds_nothing_and_harms_nothing(viewer: Client, door: Camera):
    factories.event(door)
    assert viewer.get("/api/events?q=%ff%fe%ed%a0%80").json()["items"] == []


def test_words_go_with_every_other_filter(viewer: Client, door: Camera):
    noon, values = factories.NOW, {"summary": "A person waits.", "labels": ["person"]}
    wanted = factories.event(door, started_at=noon, **values)
    reviewed = factories.event(door, started_at=noon, reviewed=True, **values)
    later = factories.event(door, started_at=noon + timedelta(hours=1), **values)
    low = factories.event(
        door, started_at=noon, summary="A person waits.", labels=["dog"], risk_score=5, risk_level="low"
    )
    other = factories.event(door, started_at=noon, summary="A car.", labels=["person"])
    pending = factories.event(door, started_at=noon, analysis="pending", **values)
    assert set(ids(viewer, q="person")) == {one.pk for one in (wanted, reviewed, later, low, other, pending)}
    assert set(ids(viewer, q="waits", label="person")) == {wanted.pk, reviewed.pk, later.pk, pending.pk}
    assert set(ids(viewer, q="waits", min_risk=30)) == {wanted.pk, reviewed.pk, later.pk}
    assert set(ids(viewer, q="waits", at_least="high")) == {wanted.pk, reviewed.pk, later.pk, pending.pk}
    assert ids(viewer, q="waits", risk_level="low") == [low.pk]
    assert ids(viewer, q="waits", reviewed="true") == [reviewed.pk]
    assert ids(viewer, q="waits", after=(noon + timedelta(minutes=1)).isoformat()) == [later.pk]
    everything = {
        "q": "waits", "camera": "door", "label": "person", "at_least": "medium", "risk_level": "high",
        "reviewed": "false", "before": (noon + timedelta(minutes=1)).isoformat(),
    }  # fmt: skip
    assert ids(viewer, **everything) == ids(viewer, **everything, order="rank") == [wanted.pk]
    assert ids(viewer, q="waits", camera="garden") == []


def test_what_is_not_judged_yet_could_be_of_any_level(viewer: Client, door: Camera):
    pending, failed = factories.event(door, analysis="pending"), factories.event(door, analysis="failed")
    factories.event(door, risk_score=10, risk_level="low")
    critical = factories.event(door, risk_score=90, risk_level="critical")
    assert set(ids(viewer, at_least="critical")) == {pending.pk, failed.pk, critical.pk}
    assert viewer.get("/api/events?at_least=50").status_code == 400


def test_nobody_finds_events_of_a_camera_they_may_not_see(viewer: Client, door: Camera):
    mine = factories.event(door, summary="A fox.")
    hidden = factories.camera("bedroom", name="Bedroom")
    factories.event(hidden, summary="A fox.")
    for order in ("newest", "rank"):
        assert ids(viewer, q="fox", order=order) == [mine.pk]
        assert ids(viewer, q="bedroom", order=order) == []
        assert ids(viewer, q="-bedroom", order=order) == [mine.pk]


def test_a_camera_is_found_by_its_new_name_at_once(viewer: Client, door: Camera):
    event = factories.event(door, summary="A fox.")
    assert ids(viewer, q='"front door" fox') == [event.pk]
    Camera.objects.filter(pk="door").update(name="Porch")
    assert (ids(viewer, q="front"), ids(viewer, q="porch fox"), ids(viewer, q="door")) == ([], [event.pk], [event.pk])


def test_the_best_come_first_and_of_equally_good_ones_the_newest(viewer: Client, door: Camera):
    hour = timedelta(hours=1)
    aside = factories.event(door, summary="A car.", reasoning="No fox.", started_at=factories.NOW + 3 * hour)
    noted = factories.event(door, summary="A car.", notes="A fox.", started_at=factories.NOW + 2 * hour)
    old = factories.event(door, summary="A fox.", started_at=factories.NOW)
    new = factories.event(door, summary="A fox.", started_at=factories.NOW + hour)
    assert ids(viewer, q="fox") == [aside.pk, noted.pk, new.pk, old.pk]
    assert ids(viewer, q="fox", order="rank") == [new.pk, old.pk, noted.pk, aside.pk]
    answer = viewer.get("/api/events?q=fox&order=rank&limit=2").json()
    assert [one["id"] for one in answer["items"]] == [new.pk, old.pk]
    assert (answer["has_more"], answer["next_cursor"]) == (False, None)


def test_pages_of_a_search_neither_skip_nor_repeat_while_events_come_in(viewer: Client, door: Camera):
    made = [factories.event(door, summary="A fox.", started_at=factories.NOW - timedelta(minutes=n)) for n in range(7)]
    seen, cursor, number = [], "", 0
    while True:
        page = viewer.get(f"/api/events?q=fox&limit=2&cursor={cursor}").json()
        seen += [one["id"] for one in page["items"]]
        if not page["has_more"]:
            break
        cursor, number = page["next_cursor"], number + 1
        factories.event(door, summary="A fox.", started_at=factories.NOW + timedelta(minutes=number))
    assert seen == [event.pk for event in made]


@pytest.mark.parametrize(("query", "most"), [({"q": "fox"}, 5), ({"q": "fox -owl", "order": "rank"}, 8)])
def test_a_search_asks_the_database_as_often_for_many_events_as_for_few(
    viewer: Client, door: Camera, query: dict[str, str], most: int
):
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            ids(viewer, **query)
        return len(captured)

    factories.event(door, summary="A fox.")
    few = asked()
    for _ in range(20):
        factories.event(door, summary="A fox.")
    assert asked() == few <= most + (connection.vendor == "postgresql")


@pytest.mark.parametrize("few", [0, 2])
def test_common_and_rare_words_find_the_same(door: Camera, monkeypatch: pytest.MonkeyPatch, few: int):
    """However many matches count as few: how an engine is asked changes no result."""
    monkeypatch.setattr(search, "FEW", {"sqlite": few, "postgresql": few})
    monkeypatch.setattr(search, "FEW_OF_A_LABEL", few)
    made = [factories.event(door, summary="A fox.", labels=["fox"]) for _ in range(3)]
    factories.event(door, summary="An owl.", labels=["owl"])
    for narrowed in (
        search.matching(Event.objects.all(), search.parse("fox -owl")),
        search.with_label(Event.objects.all(), "fox"),
    ):
        assert set(narrowed) == set(made)


def test_of_more_matches_than_are_ranked_the_latest_are(door: Camera, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(search, "RANKED", 2)
    made = [factories.event(door, summary="A fox.").pk for _ in range(4)]
    assert search.best(Event.objects.all(), search.parse("fox"), 10) == made[:1:-1]
