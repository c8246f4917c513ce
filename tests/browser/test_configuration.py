"""The configuration page in a real browser: settings are changed, by keyboard alone, and reach the server's process."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from hsi import live_settings
from hsi.models import AuditEntry, LiveSetting
from tests.browser.chromium import Visit
from tests.browser.screens import on_every_screen

pytestmark = [pytest.mark.slow, pytest.mark.one_engine, pytest.mark.django_db(transaction=True)]

PAGE = "/admin/configuration/"
ENVIRONMENT = {"TRASH_DAYS": "10", "API_THREADS": "4"}


@on_every_screen
def test_what_is_set_what_is_ignored_and_what_is_wrong_is_seen(visit: Visit) -> None:
    live_settings.change({"BATCH_WINDOW_SECONDS": "120", "FAST_PATH_OBJECT_TYPES": "person,dog,cat,car,truck,bicycle"})
    LiveSetting.objects.create(name="JOB_MAX_SECONDS", value="5", changed_by="ann")
    page = visit.page
    page.goto(PAGE)
    expect(page.get_by_text("JOB_MAX_SECONDS 5: ignored")).to_be_visible()
    page.get_by_label("TRASH_DAYS", exact=True).fill("soon")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_label("TRASH_DAYS", exact=True)).to_be_focused()
    expect(page.get_by_label("TRASH_DAYS", exact=True)).to_have_value("soon")
    expect(page.locator("#settings tr").filter(has_text="Must be a whole number from 0 to 36,500")).to_be_visible()


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


def test_what_is_being_edited_stays_in_sight_and_the_way_to_the_audit_log_is_short(visit: Visit) -> None:
    page = visit.page
    live_settings.change({"NOTIFICATION_ENABLED": "false"})
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
