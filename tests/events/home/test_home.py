"""The page for people as the server paints it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cameras.models import Camera, Upload
from events.labels import VERDICTS, detected, verdict_key, words
from events.models import Event
from hsi.models import StreamHead
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def door() -> Camera:
    return factories.camera("door", name="Front door")


@pytest.fixture
def viewer(client: Client, door: Camera) -> Client:
    client.force_login(factories.user(sees=door))
    return client


def painted(client: Client, **query: str) -> str:
    answer = client.get("/", query)
    assert answer.status_code == 200
    return answer.content.decode()


def shown(html: str) -> str:
    """What a reader sees: without the blank templates, tags and the data for the script."""
    html = re.sub(r"<template.*?</template>|<script.*?</script>|<head>.*?</head>", " ", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_without_a_login_the_page_leads_to_one(client: Client):
    factories.admin()
    answer = client.get("/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login?next=%2F")


def test_a_judged_event_shows_score_level_source_sentence_and_why(viewer: Client, door: Camera):
    values = {"risk_score": 91, "risk_level": "critical", "risk_source": "llm", "is_fast_path": True}
    event = factories.event(
        door, reasoning="It is night.", recommended_action="Lock it.", labels=["person", "car"], **values
    )
    text = shown(painted(viewer))
    for words_shown in (
        "Front door", "91", "Critical risk", "Analysed by the language model.", event.summary, "It is night.",
        "Lock it.", "Fast path", "1 detection", "person", "car", "Mark reviewed",
    ):  # fmt: skip
        assert words_shown in text


def test_an_event_that_is_not_judged_shows_no_number(viewer: Client, door: Camera):
    factories.event(door, analysis="pending", summary="")
    html = painted(viewer)
    assert "Not analysed yet" in shown(html)
    assert "Being analysed." in shown(html)
    assert "Person detected." in shown(html)
    assert ">–</b>" in html.split("<template")[0]  # noqa: RUF001
    assert ", score " not in html


def test_an_event_that_could_not_be_judged_says_so(viewer: Client, door: Camera):
    factories.event(door, analysis="failed")
    assert "The analysis failed. Please look at the pictures." in shown(painted(viewer))


def test_every_state_of_an_event_has_its_words():
    sources = (*Event.Source.values, None)
    keys = {
        verdict_key(Event(risk_source=source, analysis=state)) for source in sources for state in Event.Analysis.values
    }
    assert keys - set(VERDICTS) == {"none-done"}  # a constraint of the table forbids that one


def test_a_verdict_of_a_model_is_promised_only_where_there_is_a_model(settings):
    settings.ANALYZER = "rules"
    assert "language model" not in words()["verdicts"]["rules-pending"]
    settings.ANALYZER = "llm"
    assert "language model" in words()["verdicts"]["rules-pending"]


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ([], "Something was detected."),
        (["person"], "Person detected."),
        (["car", "dog", "person"], "Car, dog and person detected."),
    ],
)
def test_an_event_without_a_sentence_tells_what_was_seen(labels: list[str], sentence: str):
    assert detected(labels) == sentence


def test_a_user_sees_only_granted_cameras_and_their_events(viewer: Client, door: Camera):
    factories.event(door, summary="Mine to see.")
    factories.event(factories.camera("secret", name="Bedroom"), summary="Not mine to see.")
    html = painted(viewer)
    assert "Mine to see." in html
    assert "Not mine to see." not in html
    assert "Bedroom" not in html
    assert "secret" not in html


def test_names_and_sentences_from_outside_are_text(viewer: Client, door: Camera):
    wicked = "</script><script>alert(1)</script>"
    Camera.objects.filter(pk=door.pk).update(name=wicked)
    factories.event(door, summary=wicked, reasoning=wicked, labels=[wicked])
    html = painted(viewer)
    assert wicked not in html
    assert "&lt;/script&gt;" in html


def test_nothing_on_the_page_needs_an_inline_script_or_style(viewer: Client, door: Camera):
    factories.event(door)
    for html in (painted(viewer), Client().get("/login").content.decode()):
        scripts = re.findall(r"<script[^>]*>", html)
        assert all("src=" in tag or 'type="application/json"' in tag for tag in scripts)
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", html)
        assert not re.search(r'(src|href|action)="(https?:)?//', html)


def test_the_page_asks_as_much_for_many_rows_as_for_few(viewer: Client, door: Camera):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            painted(viewer)
        return len(captured)

    factories.event(door)
    few = queries()
    for _ in range(40):
        factories.event(door)
        factories.upload(door)
    assert queries() == few <= 7


def test_the_newest_are_painted_and_older_ones_continue_by_the_api(viewer: Client, door: Camera):
    for minutes in range(32):
        factories.event(door, started_at=factories.NOW - timedelta(minutes=minutes))
    answer = viewer.get("/")
    painted_ids = [card.id for card in answer.context["cards"]]
    older = viewer.get("/api/events", {"limit": 30, "cursor": answer.context["page"]["cursor"]}).json()
    every = list(Event.objects.order_by("-started_at").values_list("pk", flat=True))
    assert painted_ids + [event["id"] for event in older["items"]] == every
    assert not older["has_more"]


def test_what_is_asked_for_is_what_is_painted_and_stands_in_the_form(viewer: Client, door: Camera):
    fox = factories.event(door, summary="A fox.", reviewed=False)
    factories.event(door, summary="A fox.", reviewed=True)
    factories.event(door, summary="An owl.")
    factories.event(factories.camera("secret"), summary="A fox.")
    answer = viewer.get("/", {"q": "fox", "camera": "door", "at_least": "high", "reviewed": "false", "label": "person"})
    assert [card.id for card in answer.context["cards"]] == [fox.pk]
    html = answer.content.decode()
    for part in (
        'value="fox"', '<option value="door" selected>', '<option value="high" selected>', 'value="false" checked',
        "More (1)",
    ):  # fmt: skip
        assert part in html
    assert [one["id"] for one in viewer.get(f"/api/events?{answer.context['page']['query']}").json()["items"]] == [
        fox.pk
    ]


def test_where_nothing_matches_it_says_so_and_leads_back(viewer: Client, door: Camera):
    factories.event(door)
    html = painted(viewer, q="</script><b>zebra")
    assert '<div class="empty" id="none-match" >' in html
    assert 'href="/">Show all events' in html
    assert "<b>zebra" not in html
    assert "Nothing matches" not in shown(painted(viewer, q="", camera=""))


@pytest.mark.parametrize("query", [{"after": "never"}, {"q": "a" * 201}, {"colour": "red"}, {"at_least": "9"}])
def test_what_cannot_be_asked_is_said_and_finds_nothing(viewer: Client, door: Camera, query: dict[str, str]):
    factories.event(door)
    answer = viewer.get("/", query)
    assert (answer.status_code, answer.context["cards"]) == (200, [])
    assert 'role="alert"' in answer.content.decode().split('id="filters"')[1]
    assert '<div class="empty" id="none-match" hidden>' in answer.content.decode()


def test_the_page_knows_the_number_it_was_painted_at(viewer: Client):
    StreamHead.objects.create(id=1, seq=41)
    assert viewer.get("/").context["page"]["seq"] == 41


def test_refused_files_of_today_are_counted_and_older_ones_are_not(viewer: Client, door: Camera):
    for when in (timezone.now(), timezone.now() - timedelta(days=2)):
        factories.upload(door, state=Upload.State.REJECTED, captured_at=when)
    factories.upload(factories.camera(), state=Upload.State.REJECTED, captured_at=timezone.now())
    assert viewer.get("/").context["rejected_today"] == 1


def test_without_cameras_administrators_are_told_where_the_folders_belong_and_others_are_not(client: Client, settings):
    client.force_login(factories.admin())
    assert f"in {settings.CAMERA_ROOT} ," in shown(painted(client))
    for user in (factories.user(), factories.user(is_staff=True)):
        client.force_login(user)
        text = shown(painted(client))
        assert "has not granted you a camera yet" in text
        assert str(settings.CAMERA_ROOT) not in text


def test_a_camera_that_never_sent_anything_says_so(viewer: Client):
    text = shown(painted(viewer))
    assert "No picture so far" in text
    assert "Waiting for the first picture" in text


def test_pictures_in_which_nothing_was_found_are_counted(viewer: Client, door: Camera):
    for _ in range(3):
        factories.upload(door, state=Upload.State.EMPTY)
    factories.upload(door, state=Upload.State.WAITING)
    text = shown(painted(viewer))
    assert "3 pictures or clips analysed, nothing detected." in text
    assert "1 file not analysed yet." in text


def test_the_page_says_what_the_active_detector_cannot_see(viewer: Client, door: Camera):
    factories.event(door)
    text = shown(painted(viewer))
    assert "Detector It finds only people who stand or walk upright" in text


def test_failed_is_never_shown_as_nothing_found(viewer: Client, door: Camera):
    factories.upload(door, state=Upload.State.DEAD)
    factories.upload(door, state=Upload.State.REJECTED)
    text = shown(painted(viewer))
    assert "2 could not be analysed" in text
    assert "Nothing found" not in text


def test_the_demo_says_what_is_not_real(viewer: Client, settings):
    settings.HSI_DEMO, settings.BATCH_WINDOW_SECONDS = True, 20
    assert "Demo: drawn cameras, and batches close after 20 s instead of 90 s." in painted(viewer)
    settings.HSI_DEMO = False
    assert "Demo" not in painted(viewer)


def test_only_staff_are_offered_the_admin(viewer: Client):
    assert 'href="/admin/"' not in painted(viewer)
    viewer.force_login(factories.admin())
    assert 'href="/admin/"' in painted(viewer)


def test_signing_out_is_a_post_and_leads_to_the_login(viewer: Client):
    assert viewer.get("/logout").status_code == 405
    assert viewer.post("/logout").headers["Location"] == "/login"
    assert User.objects.count() == 1


def test_the_login_helps_password_managers_and_says_what_was_wrong(client: Client):
    factories.admin("ada")
    text = client.get("/login").content.decode()
    assert 'autocomplete="username"' in text
    assert 'autocomplete="current-password"' in text
    wrong = client.post("/login", {"username": "ada", "password": "wrong"}).content.decode()
    assert "Please enter a correct username and password" in shown(wrong)
