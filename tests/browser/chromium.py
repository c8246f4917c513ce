"""A real Chromium for tests: found, or installed where that is ours to do."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal
from unittest import mock
from urllib.parse import urlsplit

from django.db import connections
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",  # the sandbox refuses root, and only our own pages are opened
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
MISSING = "No Chromium was found. Install it (Debian: `apt-get install chromium`) or name one in CHROMIUM."
INSTALL_SECONDS = 900
# What is waited for on a page comes within this, or never: a machine may be a busy one.
PATIENCE_MS = 20_000


class ChromiumMissingError(Exception):
    """There is no browser to test with, and none could be installed."""


@dataclass(slots=True)
class Visit:
    """One page in a context of its own (no cookies shared), with what went wrong on it."""

    page: Page
    base_url: str
    console_errors: list[str] = field(default_factory=list)
    foreign_requests: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """From here on errors and requests that leave `base_url` are kept."""
        self.page.on("console", lambda message: self._note(told(message)) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self._note(str(error)))
        self.page.on("request", lambda request: self._leaves(request.url))
        self.page.on("websocket", lambda socket: self._leaves(socket.url))

    def forgive(self, *words: str) -> None:
        """Errors so far that say any of `words` are what the test is about."""
        self.page.wait_for_timeout(0)  # those on their way arrive
        self.console_errors = [error for error in self.console_errors if not any(word in error for word in words)]

    def _note(self, text: str) -> None:
        self.console_errors.append(text)

    def _leaves(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"data", "blob", "about"} and parts.netloc != urlsplit(self.base_url).netloc:
            self.foreign_requests.append(url)


def told(message: ConsoleMessage) -> str:
    return f"{message.text} ({message.location['url']})"


class Chromium:
    """A running browser. `open` gives fresh pages until they are closed, or the browser is."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    def open(
        self,
        base_url: str,
        *,
        viewport: tuple[int, int] = (1280, 800),
        color_scheme: Literal["light", "dark"] = "light",
        phone: bool = False,
        javascript: bool = True,
    ) -> Visit:
        """A blank page whose `goto("/path")` is relative to `base_url`. `phone` adds touch and a fine screen."""
        context = self._browser.new_context(
            base_url=base_url,
            viewport={"width": viewport[0], "height": viewport[1]},
            color_scheme=color_scheme,
            has_touch=phone,
            is_mobile=phone,
            device_scale_factor=2 if phone else 1,
            java_script_enabled=javascript,
        )
        context.set_default_timeout(PATIENCE_MS)
        visit = Visit(context.new_page(), base_url)
        visit.watch()
        return visit

    def close_pages(self) -> None:
        """All of them, with their cookies."""
        for context in self._browser.contexts:
            context.close()


@contextmanager
def chromium() -> Iterator[Chromium]:
    """A headless browser for the block. Raises `ChromiumMissingError`."""
    program = find() or install()
    expect.set_options(timeout=PATIENCE_MS)
    # Playwright leaves its event loop marked as running in this thread between calls. No coroutine
    # can run while the test does, so the ORM is safe; but it opens a second connection for that loop,
    # which sees only what is committed, and which has to be closed from within.
    with mock.patch.dict(os.environ, DJANGO_ALLOW_ASYNC_UNSAFE="1"), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        try:
            yield Chromium(browser)
        finally:
            browser.close()
            connections.close_all()


def find() -> str | None:
    """The path of `CHROMIUM`, else of an installed one. Raises `ChromiumMissingError` when the named one is absent."""
    if named := os.environ.get("CHROMIUM"):
        if found := shutil.which(named):
            return found
        raise ChromiumMissingError(f"CHROMIUM={named} is not a program")
    return next(filter(None, map(shutil.which, NAMES)), None)


def install() -> str:
    """Install Debian's Chromium, which only root on such a system can. Raises `ChromiumMissingError`."""
    apt = shutil.which("apt-get")
    if os.geteuid() != 0 or apt is None:
        raise ChromiumMissingError(MISSING)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
        done = subprocess.run(
            [apt, "-q", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
        )
        if done.returncode:
            raise ChromiumMissingError(f"{MISSING} apt-get {arguments[0]} failed: {done.stderr[-1000:]}")
    found = find()
    if found is None:
        raise ChromiumMissingError(MISSING)
    return found
