"""The page for people in a real browser, before the real server: live, truthful, and readable on every screen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from playwright.sync_api import Page, expect

from cameras.models import Camera, Upload
from cameras.offline import mark_offline, mark_online
from cameras.serializers import online_status_data
from cameras.view import record_view
from events.models import Event
from events.serializers import event_data
from hsi.outbox import publish
from hsi.outbox.messages import CameraId, Message, MessageType
from tests import factories, pictures
from tests.browser.chromium import Visit
from tests.browser.screens import SCREENS, is_clean, on_every_screen, signed_in
from tests.browser.site import Site

pytestmark = [pytest.mark.slow, pytest.mark.one_engine, pytest.mark.django_db(transaction=True)]

WICKED = "<img src=x onerror=alert(1)> & sons"


@pytest.fixture
def door(data_dir: Path) -> Camera:
    return factories.camera("door", name=WICKED)


def tell(event: Event, kind: MessageType = "event.created", **values: Any) -> Event:
    """Store `values` and say so over the stream, as the analysis loop does."""
    for name, value in values.items():
        setattr(event, name, value)
    event.updated_at = timezone.now()
    with transaction.atomic():
        event.save()
        publish.publish(Message(kind, CameraId(event.camera_id), event_data(event)))
    return event


def with_picture(of: Camera) -> Event:
    upload = pictures.stored(pictures.jpeg(), of=of, captured_at=timezone.now())
    event = factories.event(of, analysis="pending", summary="", started_at=timezone.now(), risk_source=None)
    factories.detection(upload, event.batches.get())
    return event


def with_own_tokens() -> None:
    factories.token(User.objects.get(username="boss"), "read", "write", name=WICKED * 2, last_used_at=timezone.now())
    factories.token(User.objects.get(username="boss"), "admin")


def link_says(page: Page, text: str) -> None:
    expect(page.locator("#link")).to_have_text(text)


def test_a_person_signs_in_and_out_and_a_session_that_ended_says_so(
    server: Site, open_page: Callable[..., Visit]
) -> None:
    user = factories.admin("resident")
    user.password = PBKDF2PasswordHasher().encode(factories.PASSWORD, "salt")
    user.save()
    page = open_page(server.url).page
    page.goto("/")
    page.fill("#id_username", "resident")
    page.fill("#id_password", "wrong")
    page.press("#id_password", "Enter")
    expect(page.locator(".fault")).to_contain_text("correct username and password")
    page.fill("#id_password", factories.PASSWORD)
    page.press("#id_password", "Enter")
    link_says(page, "Live")
    page.get_by_role("link", name="Account").click()
    page.get_by_label("Current password").fill(factories.PASSWORD)
    for label in ("New password", "Repeat the new password"):
        page.get_by_label(label, exact=True).fill("another long and winding phrase")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("status")).to_contain_text("Your password is changed")
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("h1")).to_have_text("Sign in")

    signed_in(Visit(page, server.url), factories.admin())
    page.goto("/")
    link_says(page, "Live")
    page.context.clear_cookies()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # as when the window is looked at again
    link_says(page, "Signed out")
    expect(page.locator("#signed-out")).to_be_visible()
    expect(page.locator("#health")).to_have_text("Unknown")


@pytest.mark.parametrize("screen", [SCREENS[3]], indirect=True, ids=str)
def test_an_event_arrives_is_judged_and_is_reviewed_without_a_reload(visit: Visit, door: Camera) -> None:
    page = visit.page
    page.on("dialog", lambda dialog: visit.console_errors.append(f"dialog {dialog.message}"))
    page.goto("/")
    link_says(page, "Live")
    expect(page.locator("#empty")).to_contain_text("Waiting for the first picture")

    event = tell(with_picture(door))
    card = page.locator(f'.event[data-id="{event.pk}"]')
    expect(card.locator("[data-slot=camera]")).to_have_text(WICKED)
    expect(card.locator("[data-slot=level]")).to_have_text("Not analysed yet")
    expect(card.locator("[data-slot=score]")).to_have_text("–")  # noqa: RUF001
    expect(card.locator("[data-slot=sentence]")).to_have_text("Person detected.")
    expect(page.locator("#empty")).to_have_count(0)
    expect(page.locator("#news")).to_contain_text("Not analysed yet")
    page.wait_for_function("card => card.querySelector('img').naturalWidth > 0", arg=card.element_handle())

    judged: dict[str, Any] = {"risk_score": 91, "risk_level": "critical", "risk_source": "llm", "analysis": "done"}
    tell(event, "event.updated", summary=WICKED, reasoning="Because.", **judged)
    expect(card.locator("[data-slot=level]")).to_have_text("Critical risk")
    expect(card.locator("[data-slot=score]")).to_have_text("91")
    expect(card.locator("[data-slot=verdict]")).to_have_text("Analysed by the language model.")
    expect(card.locator("[data-slot=sentence]")).to_have_text(WICKED)
    card.locator("summary").click()
    expect(card.locator("[data-slot=reasoning]")).to_be_visible()

    card.get_by_role("button", name="Mark reviewed").click()
    expect(card).to_have_attribute("data-reviewed", "true")
    event.refresh_from_db()
    assert event.reviewed
    page.locator(".tick").click()
    expect(card).to_have_count(0)
    expect(page.locator("#none-match")).to_be_visible()


@pytest.mark.parametrize("screen", [SCREENS[1]], indirect=True, ids=str)
def test_a_camera_shows_its_new_picture_and_a_new_camera_appears(visit: Visit, door: Camera) -> None:
    page = visit.page
    page.goto("/")
    link_says(page, "Live")
    tile = page.locator('.camera[data-id="door"]')
    expect(tile).to_contain_text("No picture so far")
    for of in (door, factories.camera("yard")):
        upload = pictures.stored(pictures.jpeg(), of=of, captured_at=timezone.now())
        with transaction.atomic():
            publish.publish(Message("camera.status", CameraId(of.pk), online_status_data(upload)))
    expect(tile.locator("time")).not_to_be_empty()
    page.wait_for_function("tile => tile.querySelector('img').naturalWidth > 0", arg=tile.element_handle())
    expect(page.locator('.camera[data-id="yard"]')).to_be_visible()

    expect(tile.locator("[data-slot=silent]")).to_be_hidden()
    Camera.objects.filter(pk="door").update(expected_interval_seconds=60)
    door.refresh_from_db()
    mark_offline(door, Upload.objects.filter(camera=door).latest("pk").pk)
    expect(tile.locator("[data-slot=silent]")).to_be_visible()
    mark_online(door)
    expect(tile.locator("[data-slot=silent]")).to_be_hidden()

    shown = tile.locator("[data-slot=view]")
    expect(shown).to_be_hidden()
    for view in (Camera.View.BLACK, Camera.View.OK):
        with transaction.atomic():
            publish.publish(record_view("door", view, timezone.now()))
        expect(shown).to_have_text(view.value)
        expect(shown).to_be_visible(visible=view != Camera.View.OK)


@pytest.mark.parametrize("screen", [SCREENS[2]], indirect=True, ids=str)
def test_after_the_server_was_away_nothing_is_missing(visit: Visit, server: Site, door: Camera) -> None:
    page = visit.page
    page.goto("/")
    link_says(page, "Live")
    server.stop()
    link_says(page, "Reconnecting…")
    event = tell(with_picture(door))
    server.start()
    expect(page.locator(f'.event[data-id="{event.pk}"]')).to_be_visible(timeout=40_000)
    link_says(page, "Live")
    visit.forgive("ERR_CONNECTION", "WebSocket")


@pytest.mark.parametrize("screen", [SCREENS[2]], indirect=True, ids=str)
def test_older_events_are_shown_on_demand(visit: Visit, door: Camera) -> None:
    for _ in range(33):
        factories.event(door)
    page = visit.page
    page.goto("/")
    expect(page.locator(".event")).to_have_count(30)
    page.locator("#older").click()
    expect(page.locator(".event")).to_have_count(33)
    expect(page.locator("#older")).to_be_hidden()
    page.wait_for_load_state("networkidle")
    visit.forgive("404")  # none of them has a picture


@pytest.mark.parametrize("screen", [SCREENS[0]], indirect=True, ids=str)
def test_events_are_searched_from_the_keyboard_and_what_matches_arrives_by_itself(visit: Visit, door: Camera) -> None:
    low: dict[str, Any] = {"risk_score": 10, "risk_level": "low", "risk_source": "llm", "analysis": "done"}
    fox = tell(with_picture(door), summary="A fox in the garden.", **low)
    tell(with_picture(door), summary="A car stops.", **low)
    page = visit.page
    page.goto("/")
    page.get_by_role("searchbox").fill("gar*")
    page.keyboard.press("Enter")
    expect(page.locator(".event")).to_have_count(1)
    expect(page.locator(".event")).to_have_attribute("data-id", str(fox.pk))
    assert page.url == f"{visit.base_url}/?q=gar*"
    link_says(page, "Live")
    tell(with_picture(door), summary="A car.")
    cat = tell(with_picture(door), summary="A cat in the garden.")
    expect(page.locator(".event").first).to_have_attribute("data-id", str(cat.pk))
    expect(page.locator(".event")).to_have_count(2)

    page.get_by_label("Risk").select_option("critical")  # asks at once; what is not judged yet stays
    expect(page.locator(".event")).to_have_count(1)
    page.get_by_role("searchbox").fill("nothing like it")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#none-match")).to_contain_text("Nothing matches")
    assert page.url == f"{visit.base_url}/?q=nothing+like+it&at_least=critical"
    page.get_by_role("link", name="Show all events").click()
    expect(page.locator(".event")).to_have_count(4)
    page.goto("/?after=never")
    expect(page.get_by_role("alert").filter(has_text="after")).to_be_visible()


@on_every_screen
def test_the_page_fits_every_screen_in_light_and_dark(visit: Visit, door: Camera) -> None:
    with_picture(door)
    pages = ("/", "/?q=fox&camera=door&label=dog&after=2026-01-01&reviewed=false")
    for path in pages:
        visit.page.goto(path)
        link_says(visit.page, "Live")
        assert is_clean(visit)
    with_own_tokens()
    visit.page.goto("/account")
    for button in ("Create the token", "Change password"):  # with what is wrong with an empty form
        visit.page.get_by_role("button", name=button).click()
        expect(visit.page.locator(".fault").first).to_be_visible()
        assert is_clean(visit)
