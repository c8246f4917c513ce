"""The screens on which everything is done, and what hands, keys and eyes do there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Locator, Page, expect

from tests.browser.chromium import PATIENCE_MS, Visit

HEIGHT = 900


@dataclass(frozen=True, slots=True)
class Screen:
    """`width` in CSS pixels; the narrow one is a phone's, which is touched."""

    width: int
    scheme: Literal["light", "dark"]

    @property
    def is_phone(self) -> bool:
        return self.width < 500

    def __str__(self) -> str:
        return f"{self.width}-{self.scheme}"


SCREENS = (Screen(390, "light"), Screen(390, "dark"), Screen(1440, "light"), Screen(1440, "dark"))
# How a page looks is looked at on all of them. What is done there is done in either theme and at either width.
on_every_screen = pytest.mark.parametrize("screen", SCREENS, indirect=True, ids=str)
ACTED_ON = (SCREENS[1], SCREENS[2])


def on(screen: Screen, open_page: Callable[..., Visit], url: str) -> Visit:
    """A blank page on `screen`."""
    return open_page(url, viewport=(screen.width, HEIGHT), color_scheme=screen.scheme, phone=screen.is_phone)


def signed_in(visit: Visit, user: User) -> Visit:
    client = Client()
    client.force_login(user)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": visit.base_url}
    visit.page.context.add_cookies([cookie])  # type: ignore[list-item]  # playwright's own TypedDict
    return visit


def press(thing: Locator, key: str = "Enter") -> None:
    """As somebody without a mouse does."""
    thing.focus()
    thing.press(key)


def said(page: Page, words: str) -> None:
    expect(page.get_by_text(words).first).to_be_visible()


def until(page: Page, holds: Callable[[], bool]) -> None:
    for _ in range(PATIENCE_MS // 50):
        if holds():
            return
        page.wait_for_timeout(50)  # the real clock's: the page's own may stand
    raise AssertionError("it does not come about")


def is_clean(visit: Visit) -> bool:
    """Nothing went wrong on the page, nothing came from elsewhere, and nothing hangs over its side."""
    visit.page.wait_for_function("() => document.documentElement.scrollWidth <= innerWidth")  # once it has settled
    assert (visit.console_errors, visit.foreign_requests) == ([], []), (
        visit.page.url,
        visit.console_errors,
        visit.foreign_requests,
    )
    return True
