"""Cameras in the admin in a real browser: set up in steps, looked after, and their zones drawn."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import FloatRect, Locator, Page, expect

from cameras.models import Camera, Upload, Zone
from hsi.db import clock
from hsi.models import AuditEntry, WorkerHeartbeat
from tests import factories, pictures
from tests.browser.chromium import Visit
from tests.browser.screens import Screen, is_clean, on_every_screen

pytestmark = [pytest.mark.slow, pytest.mark.one_engine, pytest.mark.django_db(transaction=True)]

NEW = "/admin/cameras/camera/new/"
USABLE = ".operations :is(a[href], button:enabled, input[type=radio]:checked, select, #board):not([hidden] *)"
SQUARE = [[0.2, 0.3], [0.8, 0.3], [0.8, 0.9], [0.2, 0.9]]


@pytest.fixture
def door(data_dir: Path) -> Camera:
    """A camera with a picture and a zone."""
    camera = factories.camera("door", name="Front <b>door</b>", expected_interval_seconds=3600)
    now = timezone.now()
    pictures.stored(pictures.jpeg(), of=camera, captured_at=now, received_at=now, width=640, height=480)
    factories.event(camera, started_at=now)
    factories.zone(camera, id="lawn", name="Lawn", polygon=SQUARE)
    factories.static_object(camera)
    return camera


def at(name: str, *args: str) -> str:
    return reverse(f"admin:{name}", args=args)


@on_every_screen
def test_every_page_fits_every_screen(visit: Visit, screen: Screen, door: Camera, data_dir: Path):
    factories.camera("roof", offline_since=timezone.now(), expected_interval_seconds=300, name="N" * 120)
    door.set_view(Camera.View.TURNED, timezone.now())
    pictures.put(data_dir / f"cameras/{'f' * 200}/x.jpg", b"x")
    steps = [at("camera_step", "door", step) for step in ("name", "place", "vendor", "clock", "interval", "first")]
    pages = [at("camera", "door"), at("camera", "roof"), at("camera_zones", "door"), at("camera_zones", "roof")]
    for address in (NEW, *steps, *pages, at("camera_step", "roof", "first"), at("pause_camera", "door")):
        visit.page.goto(address)
        expect(visit.page.locator("html.dark")).to_have_count(int(screen.scheme == "dark"))
        assert is_clean(visit)


def test_a_camera_is_set_up_by_the_keyboard_and_its_first_picture_is_seen(visit: Visit, data_dir: Path):
    page = visit.page
    page.goto(NEW)
    page.get_by_label("Name of the folder").fill("a/b")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("name of one folder")
    page.get_by_label("Name of the folder").fill("front_door")
    page.keyboard.press("Enter")
    page.get_by_label("Name", exact=True).fill("At the door")
    page.keyboard.press("Enter")

    page.get_by_text("Private ground", exact=True).click()
    page.get_by_role("button", name="Save and go on").click()
    page.get_by_text("Reolink", exact=True).click()
    entered = page.get_by_label("Remote directory for Reolink")
    expect(entered).to_have_value("/front_door")
    page.locator("li", has=entered).get_by_role("button", name="Copy").click()
    expect(page.locator("li", has=entered).get_by_role("button", name="Copied")).to_be_visible()
    page.get_by_role("button", name="Save and go on").click()

    page.get_by_label("Search").fill("kolkata")
    expect(page.locator("#there")).to_contain_text("It is now")
    expect(page.get_by_label("Time zone")).to_have_value("Asia/Kolkata")
    page.get_by_role("button", name="Save and go on").click()
    page.get_by_text("Another time").click()
    page.get_by_label("How many").fill("2")
    page.get_by_label("Unit").select_option("hours")
    page.get_by_role("button", name="Save and go on").click()
    expect(page.get_by_text("Waiting for the first picture")).to_be_visible()
    stored = Camera.objects.values_list("name", "place", "vendor", "time_zone", "expected_interval_seconds").get()
    assert stored == ("At the door", "private", "reolink", "Asia/Kolkata", 7200)

    page.get_by_role("button", name="Send a test picture").click()
    expect(page.get_by_text("The first picture is here")).to_be_visible()
    expect(page.locator("#sent")).to_contain_text("Sent")
    expect(page.locator(".stages")).to_contain_text("waits for the detector")
    page.wait_for_function("() => document.querySelector('.arrival img').naturalWidth > 0")
    upload = Upload.objects.get()
    assert upload.path.startswith("front_door/http/")
    upload.finish(Upload.State.EMPTY)
    expect(page.locator(".stages")).to_contain_text("nothing found")
    broken: Any = {"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": pictures.jpeg()[:900]}
    page.locator("#send-file").set_input_files(broken)
    expect(page.locator("#sent")).to_contain_text("It was not taken in")
    expect(page.get_by_text("The upload broke off")).to_be_visible()
    visit.forgive("400", "422")


def test_what_to_look_at_is_opened_when_nothing_came_for_a_minute(visit: Visit, data_dir: Path):
    factories.camera("roof")
    (data_dir / "cameras/roof").mkdir()
    now = clock.now()
    later = now + timedelta(hours=1)  # it lives on while the test goes on
    WorkerHeartbeat.objects.create(
        name="w", kind="watcher", host="h", pid=1, started_at=now, beat_at=later, progressed_at=now
    )
    page = visit.page
    page.clock.install()
    page.goto(at("camera_step", "roof", "first"))
    expect(page.locator("details.checks-list")).not_to_have_attribute("open", "")
    page.clock.run_for(30_000)
    expect(page.locator("details.checks-list")).not_to_have_attribute("open", "")
    for _ in range(40):  # each look waits for its answer, which comes in real time
        page.clock.run_for(2_000)
        if page.locator("details.checks-list[open]").count():
            break
        page.wait_for_load_state("networkidle")
    expect(page.get_by_text("The folder roof is empty")).to_be_visible()


def test_a_camera_is_paused_and_resumed_and_the_keyboard_reaches_all(visit: Visit, door: Camera):
    page = visit.page
    page.goto(at("cameras_camera_changelist"))
    page.get_by_role("link", name="Front <b>door</b>").click()
    expect(page.locator(".top .chip")).to_have_text("on")
    page.get_by_role("link", name="Pause").click()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".top .chip")).to_have_text("paused")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".top .chip")).to_have_text("on")
    for link in page.locator(".go a").all():
        address = link.get_attribute("href") or ""
        assert page.request.get(address).status == 200, address
    for address in (at("camera", "door"), at("camera_zones", "door"), at("camera_step", "door", "interval")):
        page.goto(address)
        wanted = page.locator(USABLE).locator("visible=true").count()
        page.locator(".operations").evaluate("part => { part.tabIndex = -1; part.focus(); }")
        reached = 0
        for _ in range(wanted + 5):
            page.keyboard.press("Tab")
            reached += page.evaluate("usable => document.activeElement.matches(usable)", USABLE)
            if reached == wanted:
                break
        assert reached == wanted > 0, address


def board(page: Page) -> FloatRect:
    box = page.locator("#board").bounding_box()
    assert box is not None
    return box


def tap(page: Page, x: float, y: float, *, touch: bool = False) -> None:
    box = board(page)
    place = (box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.touchscreen.tap(*place) if touch else page.mouse.click(*place)


def corners(page: Page) -> Locator:
    return page.locator("#corners button")


def near(got: list[list[float]], wanted: list[list[float]]) -> bool:
    pairs = [pair for one, other in zip(got, wanted, strict=True) for pair in zip(one, other, strict=True)]
    return all(abs(one - other) < 0.01 for one, other in pairs)


def test_zones_are_drawn_by_mouse_and_finger_and_what_is_refused_stays_in_hand(
    visit: Visit, screen: Screen, door: Camera
):
    drawn, touch = [[0.1, 0.2], [0.6, 0.25], [0.5, 0.9]], screen.is_phone
    page = visit.page
    page.goto(at("camera_zones", "door"))
    page.wait_for_function("() => document.querySelector('#ground').naturalWidth > 0")
    page.get_by_role("button", name="New zone").click()
    page.get_by_label("Name", exact=True).fill("The path")
    page.get_by_label("What it is").select_option("private")
    expect(page.locator("#zone-kind-help")).to_contain_text("a person at night is an alarm")
    expect(page.get_by_label("Labels that are ignored here")).to_be_hidden()
    page.get_by_label("What it is").select_option("ignore")
    page.get_by_label("Labels that are ignored here").fill("Person,  traffic  light")
    page.locator("#board").scroll_into_view_if_needed()
    for x, y in drawn:
        tap(page, x, y, touch=touch)
    expect(page.locator("#count")).to_have_text("3 corners")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#say")).to_have_text("The path is saved.")
    zone = Zone.objects.get(name="The path")
    assert near(zone.polygon, drawn)
    assert (zone.kind, zone.labels, zone.enabled) == ("ignore", ["person", "traffic light"], True)
    assert set(AuditEntry.objects.values_list("action", flat=True)) == {"zone_created"}
    expect(page.locator("#zones button")).to_have_count(2)
    expect(page.locator("#labels span")).to_have_text(["Lawn", "The path"])

    page.get_by_role("button", name="New zone").click()
    page.get_by_label("Name", exact=True).fill("Tie")
    page.locator("#board").scroll_into_view_if_needed()
    for x, y in ((0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.9)):
        tap(page, x, y, touch=touch)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#fault")).to_contain_text("must not cross")
    expect(corners(page)).to_have_count(4)
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#say")).to_have_text("Tie is saved.")
    visit.forgive("400")


def test_corners_are_changed_in_every_way_and_of_two_who_do_so_the_second_chooses(visit: Visit, door: Camera):
    page = visit.page
    page.goto(at("camera_zones", "door"))
    page.locator("#zones button", has_text="Lawn").press("Enter")
    expect(corners(page)).to_have_count(4)

    box = board(page)
    corners(page).nth(0).hover()
    page.mouse.down()
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.1 * box["height"], steps=4)
    page.mouse.up()
    expect(corners(page).nth(0)).to_have_attribute("aria-label", "Corner 1 of 4, 40 % from the left, 10 % from the top")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(corners(page).nth(0)).to_have_attribute("aria-label", "Corner 1 of 4, 45 % from the left, 11 % from the top")
    page.keyboard.press("Control+z")
    expect(corners(page).nth(0)).to_have_attribute("aria-label", "Corner 1 of 4, 40 % from the left, 10 % from the top")
    tap(page, 0.8, 0.6)  # on its right edge
    expect(corners(page)).to_have_count(5)
    page.keyboard.press("Delete")
    expect(corners(page)).to_have_count(4)
    corners(page).nth(3).hover()
    page.mouse.down()
    page.mouse.move(box["x"] - 500, box["y"] + 5000, steps=3)
    page.keyboard.press("Escape")  # ends the drag alone
    page.mouse.up()
    expect(corners(page).nth(3)).to_have_attribute("aria-label", "Corner 4 of 4, 20 % from the left, 90 % from the top")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#say")).to_have_text("Lawn is saved.")
    assert near(Zone.objects.get().polygon, [[0.4, 0.1], *SQUARE[1:]])

    page.locator("#zones button").click()
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    corners(page).nth(1).focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Escape")
    expect(page.locator("#say")).to_have_text("Lawn is as it was.")
    expect(corners(page)).to_have_count(0)
    two_change_the_same(page)
    visit.forgive("404", "409")


def two_change_the_same(page: Page) -> None:
    """Whoever comes second chooses."""
    page.locator("#zones button").click()
    page.get_by_label("Name", exact=True).fill("Mine")
    Zone.objects.update(name="Theirs", version=7)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#fault")).to_contain_text("Another user has changed")
    page.get_by_role("button", name="Show theirs").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Theirs")

    page.get_by_label("Name", exact=True).fill("Mine")
    Zone.objects.update(version=8)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Overwrite with mine").click()
    expect(page.locator("#say")).to_have_text("Mine is saved.")
    assert Zone.objects.values_list("name", "version").get() == ("Mine", 9)

    page.locator("#zones button").click()
    Zone.objects.all().delete()
    page.get_by_label("Name", exact=True).fill("Again")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#fault")).to_contain_text("Another user deleted this zone")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#say")).to_have_text("Again is saved.")
    assert Zone.objects.get(name="Again")


def test_a_zone_without_a_pointer_and_without_a_picture(visit: Visit, data_dir: Path):
    factories.camera("roof")
    page = visit.page
    page.goto(at("camera_zones", "roof"))
    expect(page.get_by_text("no usable picture yet")).to_be_visible()
    box = board(page)
    assert abs(box["width"] / box["height"] - 16 / 9) < 0.02
    page.get_by_role("button", name="New zone").press("Enter")
    page.keyboard.type("Roof")
    for _ in range(4):
        page.get_by_role("button", name="Add corner").press("Enter")
    expect(page.locator("#count")).to_have_text("4 corners")
    page.get_by_label("Name", exact=True).press("Enter")
    expect(page.locator("#say")).to_have_text("Roof is saved.")
    assert len(Zone.objects.get().polygon) == 4
    page.keyboard.press("Enter")  # the zone in the list has the keyboard
    page.get_by_role("button", name="Delete", exact=True).press("Enter")
    assert Zone.objects.exists()
    page.get_by_role("button", name="Really delete?").press("Enter")
    expect(page.locator("#no-zones")).to_be_visible()
    assert not Zone.objects.exists()
