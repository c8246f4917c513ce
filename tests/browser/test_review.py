"""The list and the page of events in a real browser, before the real server: seen, judged, on every screen."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from cameras.models import Upload
from detection.models import Batch
from events.models import Event, EventFeedback, Judgement
from hsi.models import AuditEntry
from tests import factories, pictures
from tests.browser.chromium import Visit
from tests.browser.screens import Screen, on_every_screen, press
from tests.factories import NOW

pytestmark = [
    pytest.mark.slow,
    pytest.mark.one_engine,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("webhooks_to_here"),
]

WICKED = "<img src=x onerror=alert(1)> & sons"


@pytest.fixture
def event(data_dir: Path) -> Event:
    """Three pictures and two frames of a clip, with all that a page can tell, before a plain and a pending event."""
    door = factories.camera("door", name=WICKED, time_zone="America/New_York")
    judged = {"risk_source": "llm", "summary": WICKED, "reasoning": "Because. " * 40, "model": "m" * 100}
    made = factories.event(door, detection_count=5, is_fast_path=True, **judged)
    film(made)
    channel = factories.channel(name="phone " + "x" * 80)
    alert = factories.alert(made, rule=factories.rule(channel, name=WICKED))
    factories.delivery(alert, channel, state="failed", attempts=3, last_error="502 " + "y" * 200)
    verdict: dict[str, Any] = {"risk_source": "llm", "risk_score": 70, "risk_level": "high"}
    for _ in range(2):
        Judgement.objects.create(
            event=made, prompt="p" * 500, answer="{}", corrections=["cut"], duration_seconds=3, **verdict
        )
    EventFeedback.objects.create(event=made, by="ann", verdict="right", comment=WICKED)
    AuditEntry.objects.create(user="ann", action="event_reviewed", object=f"event {made.pk}")
    before = NOW - timedelta(hours=1)
    pending = factories.event(door, analysis="pending", summary="", started_at=before)
    factories.detection(pictures.stored(pictures.jpeg(), "before.jpg", door, captured_at=before), pending.batches.get())
    return made


def film(of: Event) -> None:
    for second, colour in enumerate((pictures.RED, pictures.GREEN, pictures.BLUE)):
        at = NOW + timedelta(seconds=second)
        upload = pictures.stored(pictures.jpeg(colour=colour), f"{second}.jpg", of.camera, captured_at=at)
        Upload.objects.filter(pk=upload.pk).update(width=640, height=480)
        factories.detection(upload, of.batches.get(), captured_at=at, confidence=0.5 + second / 10, label="person")
    clip = pictures.stored(pictures.clip([pictures.RED, pictures.BLUE]), "a.mp4", of.camera, kind=Upload.Kind.VIDEO)
    for offset in (0.0, 1.0):
        at = NOW + timedelta(seconds=10 + offset)
        box = {"x": 0.7, "y": 0.0, "width": 0.3, "height": 0.5}
        factories.detection(clip, of.batches.get(), captured_at=at, frame_offset=offset, label="c" * 60, **box)


@pytest.fixture
def at_event(visit: Visit, event: Event) -> Page:
    visit.page.goto(address(event))
    return visit.page


def address(event: Event) -> str:
    return f"/admin/events/event/{event.pk}/change/"


def is_drawn(image: Locator) -> None:
    image.page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=image.element_handle())


def chosen(page: Page) -> Locator:
    return page.locator(".frame[aria-current=true]")


@on_every_screen
def test_the_list_and_an_event_fit_every_screen(visit: Visit, event: Event, screen: Screen) -> None:
    wide = fits(visit, event)
    assert wide == dict.fromkeys(wide, screen.width)


def fits(visit: Visit, event: Event) -> dict[str, int]:
    """How wide each page becomes, with all that can be opened open."""
    page, wide = visit.page, {}
    page.on("dialog", lambda dialog: visit.console_errors.append(f"dialog {dialog.message}"))
    pending = Event.objects.get(analysis="pending")
    for place in ("/admin/events/event/", address(event), f"{address(event)}?frame=4", address(pending)):
        answer = page.goto(place)
        assert answer is not None
        assert answer.status == 200, place
        for opened in page.locator("details").all():
            opened.evaluate("details => details.open = true")
        wide[place] = page.evaluate("document.documentElement.scrollWidth")
    return wide


def test_the_strip_is_walked_by_click_key_and_button_and_boxes_lie_where_things_are_and_can_be_hidden(
    at_event: Page,
) -> None:
    page = at_event
    is_drawn(page.locator("#large"))
    expect(chosen(page)).to_have_attribute("data-frame", "2")  # the surest person
    page.keyboard.press("Home")
    expect(chosen(page)).to_have_attribute("data-frame", "0")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect(chosen(page)).to_have_attribute("data-frame", "1")
    expect(page.locator("#caption")).to_contain_text("07:00:01: person 60 %")
    is_drawn(page.locator("#large"))

    picture, box = page.locator("#large").bounding_box(), page.locator(".screen .box").bounding_box()
    assert picture is not None
    assert box is not None
    within = [(box["x"] - picture["x"]) / picture["width"], (box["y"] - picture["y"]) / picture["height"],
              box["width"] / picture["width"], box["height"] / picture["height"]]  # fmt: skip
    assert within == pytest.approx([0.4, 0.3, 0.2, 0.5], abs=0.01)

    page.locator(".detections a").last.click()
    expect(chosen(page)).to_have_attribute("data-frame", "4")
    expect(page.locator("#caption")).to_contain_text("1.0 s into the clip")
    expect(page.get_by_role("button", name="Next picture")).to_be_disabled()
    press(page.get_by_role("button", name="Previous picture"))
    expect(chosen(page)).to_have_attribute("data-frame", "3")
    press(page.locator(".frame").first)
    expect(chosen(page)).to_have_attribute("data-frame", "0")
    page.reload()
    expect(chosen(page)).to_have_attribute("data-frame", "0")
    expect(page.locator(".screen .box")).to_be_visible()
    press(page.get_by_label("boxes"), "Space")
    expect(page.locator(".screen .box")).to_be_hidden()
    expect(page.locator(".shot .box").first).to_be_hidden()
    page.reload()
    expect(page.locator(".screen .box")).to_be_hidden()
    page.keyboard.press("b")
    expect(page.locator(".screen .box")).to_be_visible()


def test_keys_lead_from_event_to_event_and_type_in_a_field_and_a_lost_picture_says_so(
    visit: Visit, at_event: Page, event: Event
) -> None:
    page = at_event
    page.locator("#id_notes").fill("")
    page.locator("#id_notes").press_sequentially("jkb")
    expect(page.locator("#id_notes")).to_have_value("jkb")
    page.locator("#id_notes").blur()
    page.keyboard.press("j")
    older = Event.objects.get(analysis="pending")
    page.wait_for_url(f"**{address(older)}")
    expect(page.locator(".score")).to_contain_text("not analysed")
    factories.detection(factories.upload(event.camera), event.batches.get(), confidence=0.99)
    page.keyboard.press("k")
    page.wait_for_url(f"**{address(event)}")
    expect(page.get_by_text("This picture no longer exists.")).to_be_visible()
    page.wait_for_load_state("networkidle")
    visit.forgive("404")


def test_a_person_does_all_there_is_to_do_with_keys_alone(at_event: Page, event: Event) -> None:
    page = at_event
    press(page.get_by_label("Right"), "ArrowRight")
    expect(page.get_by_label("False alarm")).to_be_checked()
    page.get_by_label("Comment").fill(WICKED)
    press(page.get_by_role("button", name="Give feedback"))
    expect(page.get_by_role("button", name="Change feedback")).to_be_visible()
    expect(page.get_by_label("False alarm")).to_be_checked()

    page.locator("#id_notes").fill("the postman")
    press(page.get_by_label("Keep: exempt from retention"), "Space")
    press(page.get_by_role("button", name="Save"))
    expect(page.locator(".head").get_by_text("kept")).to_be_visible()
    press(page.get_by_role("button", name="Analyse again"))
    expect(page.get_by_text("The event is waiting for its analysis.")).to_be_visible()

    event.refresh_from_db()
    assert (event.notes, event.kept, event.analysis) == ("the postman", True, "pending")
    assert event.feedback.values_list("by", "verdict", "comment").get(by="boss") == ("boss", "false_alarm", WICKED)
    assert Batch.objects.get(pk=event.batches.get().pk).state == Batch.State.CLOSED

    press(page.get_by_role("button", name="Mark reviewed"))
    expect(page.get_by_text(f"Event {event.pk} is reviewed.")).to_be_visible()
    press(page.get_by_role("button", name="Mark as not reviewed"))
    press(page.get_by_role("button", name="Reviewed, next"))
    page.wait_for_url(re.compile(rf"/event/(?!{event.pk}/)\d+/change/"))
    press(page.get_by_role("button", name="Reviewed, next"))
    page.wait_for_url("**/admin/events/event/")
    assert not Event.objects.filter(reviewed=False).exists()
