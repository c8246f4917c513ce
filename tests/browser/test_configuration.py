"""The configuration page in a real browser: settings are changed, by keyboard alone, and reach the server's process."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import expect

from hsi import livesettings
from hsi.ledger import AuditEntry, LiveSetting
from tests import factories
from tests.browser.chromium import Visit
from tests.browser.site import Site, site

pytestmark = [pytest.mark.slow, pytest.mark.one_engine, pytest.mark.django_db(transaction=True)]

PATIENCE_MS = 20_000
PAGE = "/admin/configuration/"
SCREENS = ((390, "light"), (390, "dark"), (1440, "light"), (1440, "dark"))


@pytest.fixture
def server(data_dir: Path) -> Iterator[Site]:
    with site(data_dir, TRASH_DAYS="10", API_THREADS="4") as running:
        yield running


@pytest.fixture
def boss() -> User:
    return factories.admin("boss")


@pytest.fixture
def visit(server: Site, boss: User, open_page: Callable[..., Visit]) -> Visit:
    return signed_in(open_page(server.url, viewport=(1440, 900)), boss)


def signed_in(visit: Visit, user: User) -> Visit:
    client = Client()
    client.force_login(user)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": visit.base_url}
    visit.page.context.add_cookies([cookie])  # type: ignore[list-item]  # playwright's own TypedDict
    visit.page.set_default_timeout(PATIENCE_MS)
    return visit


def test_what_is_set_what_is_ignored_and_what_is_wrong_fits_every_screen(
    server: Site, boss: User, open_page: Callable[..., Visit]
) -> None:
    livesettings.change({"BATCH_WINDOW_SECONDS": "120", "FAST_PATH_OBJECT_TYPES": "person,dog,cat,car,truck,bicycle"})
    LiveSetting.objects.create(name="JOB_MAX_SECONDS", value="5", changed_by="ann")
    for width, scheme in SCREENS:
        visit = open_page(server.url, viewport=(width, 844), color_scheme=scheme, phone=width < 500)
        shows_the_fault_without_scrolling_aside(signed_in(visit, boss), width)


def shows_the_fault_without_scrolling_aside(visit: Visit, width: int) -> None:
    page = visit.page
    page.goto(PAGE)
    expect(page.get_by_text("JOB_MAX_SECONDS 5: ignored")).to_be_visible()
    page.get_by_label("TRASH_DAYS", exact=True).fill("soon")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_label("TRASH_DAYS", exact=True)).to_be_focused()
    expect(page.get_by_label("TRASH_DAYS", exact=True)).to_have_value("soon")
    expect(page.locator("#settings tr").filter(has_text="Must be a whole number from 0 to 36,500")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert (visit.console_errors, visit.foreign_requests) == ([], [])


def test_a_setting_is_changed_and_set_back_by_keyboard_alone(visit: Visit) -> None:
    page = visit.page
    page.goto(PAGE)
    page.get_by_label("Find").focus()
    page.keyboard.type("trash days")
    rows: Any = page.locator("#settings tbody tr:visible")
    expect(rows).to_have_count(1)
    field = page.get_by_label("TRASH_DAYS", exact=True)
    expect(field).to_have_value("10")
    for _ in range(6):
        page.keyboard.press("Tab")
        if field.evaluate("field => field === document.activeElement"):
            break
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("12")
    expect(page.locator("#edited")).to_have_text("TRASH_DAYS")
    page.keyboard.press("Enter")
    expect(page.get_by_text("TRASH_DAYS is 12.")).to_be_visible()
    assert LiveSetting.objects.get().value == "12"
    row = page.locator("#settings tr").filter(has=page.get_by_label("TRASH_DAYS", exact=True))
    expect(row).to_contain_text("Set by boss")
    back = page.get_by_role("button", name="Set TRASH_DAYS back to 10")
    expect(back).to_have_text(re.compile(r"Back to 10 \(environment\)"))
    back.focus()
    back.press("Enter")
    expect(page.get_by_text("TRASH_DAYS is 10.")).to_be_visible()
    assert not LiveSetting.objects.exists()
    assert list(AuditEntry.objects.order_by("id").values_list("action", "user")) == [
        ("setting_changed", "boss"), ("setting_reset", "boss"),
    ]  # fmt: skip
    assert (visit.console_errors, visit.foreign_requests) == ([], [])


def test_what_is_being_edited_stays_in_sight_and_the_way_to_the_audit_log_is_short(visit: Visit) -> None:
    page = visit.page
    livesettings.change({"NOTIFICATION_ENABLED": "false"})
    page.goto(PAGE)
    page.get_by_label("NOTIFICATION_ENABLED", exact=True).select_option("true")
    page.get_by_label("Find").fill("api_threads")
    expect(page.locator("#settings tbody tr:visible")).to_have_count(2)
    page.get_by_label("Find").fill("")
    page.get_by_label(re.compile("only the")).check()
    for name in ("NOTIFICATION_ENABLED", "TRASH_DAYS", "API_THREADS"):
        expect(page.locator("#settings tbody tr:visible").filter(has_text=name)).to_have_count(1)
    page.get_by_role("link", name="Changes of NOTIFICATION_ENABLED").click()
    expect(page.locator("#result_list")).to_contain_text("setting_changed")
    assert (visit.console_errors, visit.foreign_requests) == ([], [])
