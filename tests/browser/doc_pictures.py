"""Take the pictures of the pages in `docs/`: `pytest tests/browser/doc_pictures.py`. No test run collects this file.

The pictures of a calm system come from `up --demo`. The pictures of an outage come from the same system after the rows
of `night.trouble` were added. Look at each picture before you commit it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from PIL import Image

from tests.browser.chromium import Chromium, Visit
from tests.browser.site import site
from tests.engines.environment import ROOT
from tests.system.running import PASSWORD, Running

WIDE, SMALL, PHONE = (1440, 900), (1440, 860), (390, 844)
SMALL_WIDTH = 1080  # small ones are reduced to this width
EVENTS_SHOWN = 4
TROUBLE = (
    "from django.contrib.auth.models import User; from tests.browser.night import trouble;"
    " trouble(User.objects.get(username='admin'))"
)
ZONE = {"name": "Path to the door", "kind": "entrance", "polygon": [[0.3, 0.62], [0.7, 0.62], [0.85, 1], [0.15, 1]]}
NIGHT = {"days": [], "start": "22:00", "end": "06:00", "timezone": "UTC"}


class Demo(Running):
    arguments = ("--demo",)


@dataclass(frozen=True, slots=True)
class Shot:
    """`docs/{name}.png` is the page `path`. A small one is reduced to `SMALL_WIDTH`."""

    name: str
    path: str
    size: tuple[int, int] = SMALL
    scheme: Literal["light", "dark"] = "light"
    is_small: bool = True


def calm(event: int, camera: str, rule: int) -> Iterator[Shot]:
    yield Shot("home-light", "/", (1440, 1000), is_small=False)
    yield Shot("home-dark", "/", (1440, 1000), "dark", is_small=False)
    yield Shot("home-phone", "/", PHONE, is_small=False)
    yield Shot("admin-events", "/admin/events/event/")
    yield Shot("admin-event", f"/admin/events/event/{event}/change/", WIDE, is_small=False)
    yield Shot("admin-rule", f"/admin/events/alertrule/{rule}/change/", (1440, 1180))
    yield Shot("admin-camera", f"/admin/cameras/camera/{camera}/page/")
    yield Shot("admin-zones", f"/admin/cameras/camera/{camera}/page/zones/")
    yield Shot("admin-logs", "/admin/logs/", scheme="dark")
    yield Shot("admin-about", f"/admin/about/event/{event}")
    yield Shot("admin-configuration", "/admin/configuration/")


OUTAGE = (
    Shot("admin-overview", "/admin/", WIDE, "dark", is_small=False),
    Shot("admin-phone", "/admin/", PHONE, "dark", is_small=False),
    Shot("admin-letters", "/admin/dead-letters/", WIDE, is_small=False),
    Shot("admin-queues", "/admin/queues/"),
)


def test_the_pictures_of_the_documents(child_environment: dict[str, str], browser: Chromium) -> None:
    child_environment.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)  # it is for this process and its browser
    running = Demo(child_environment, LOG_LEVEL="INFO")
    running.start()
    try:
        camera, rule = prepare(running)
        running.until(lambda: len(judged(running)) >= EVENTS_SHOWN)
        for shot in calm(judged(running)[0], camera, rule):
            take(browser, running.url, shot)
    finally:
        running.stop()
    with site(running.cameras.parent, **running.environment) as pages:  # without workers, which would repair it
        running.manage("shell", "-c", TROUBLE)
        for shot in OUTAGE:
            take(browser, pages.url, shot)


def prepare(running: Demo) -> tuple[str, int]:
    """Add a zone and a rule. Return the ids of the camera and the rule."""
    running.until(lambda: bool(running.all("/api/cameras")))
    camera: str = running.all("/api/cameras")[0]["id"]
    running.post(f"/api/cameras/{camera}/zones", **ZONE)
    rule = running.post(
        "/api/alert-rules", name="People at night", labels=["person"], schedule=NIGHT, min_confidence=0.6
    )
    return camera, rule["id"]


def judged(running: Demo) -> list[int]:
    return [event["id"] for event in running.all("/api/events") if event["analysis"] == "done"]


def take(browser: Chromium, url: str, shot: Shot) -> None:
    visit = browser.open(url, viewport=shot.size, color_scheme=shot.scheme, phone=shot.size == PHONE)
    sign_in(visit)
    visit.page.goto(shot.path, wait_until="load")
    visit.page.wait_for_timeout(1500)  # the pictures of the page load, and its figures are refreshed once
    picture: Image.Image = Image.open(io.BytesIO(visit.page.screenshot(scale="css")))
    if shot.is_small:
        picture = picture.resize((SMALL_WIDTH, picture.height * SMALL_WIDTH // picture.width), Image.Resampling.LANCZOS)
    picture.convert("RGB").quantize(256).save(ROOT / "docs" / f"{shot.name}.png", optimize=True)
    browser.close_pages()


def sign_in(visit: Visit) -> None:
    visit.page.goto("/login")
    visit.page.fill("#id_username", "admin")
    visit.page.fill("#id_password", PASSWORD)
    visit.page.press("#id_password", "Enter")
    visit.page.wait_for_url("**/")
