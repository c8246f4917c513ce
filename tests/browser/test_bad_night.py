"""A bad night of the whole system, seen and put right from the admin, in a real browser.

`HSI_OUTAGE_SECONDS` is how long the detector fails (a full proof takes 300), longer than it takes to be noticed.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests import files
from tests.browser.chromium import Visit
from tests.peers.detectors import Answer, Received, Reply, RtDetrPeer
from tests.system.made_up_disk import Disk
from tests.system.running import PASSWORD, Running, foscam_name

pytestmark = [pytest.mark.slow, pytest.mark.one_engine]

OUTAGE_SECONDS = float(os.environ.get("HSI_OUTAGE_SECONDS", "0"))
SEEN_WITHIN_MS = 15_000
PATIENCE_MS = 60_000
POISON = (66, 66)  # the size of a picture that no detector survives
WAY = ("cameras.intake.accept", "detection.pipeline", "detection.batching", "events.pipeline")
SETTINGS = {
    "CIRCUIT_FAILURE_THRESHOLD": "3",
    "CIRCUIT_RECOVERY_TIMEOUT_SECONDS": "300",  # nobody but the one who is woken puts it right
    "JOB_MAX_ATTEMPTS": "2",
    "LOG_LEVEL": "INFO",
}


class Detector:
    """The answers of a detector that is ill, and that one picture always kills."""

    def __init__(self, peer: RtDetrPeer) -> None:
        self.peer = peer
        self.is_ill = False
        peer.answer = self.answer

    def answer(self, received: Received) -> Reply:
        if self.is_ill:
            return Answer(500, b"CUDA error: out of memory")
        if received.size == POISON:
            return Answer(400, b"cannot identify image file")
        return self.peer.person(received)


class KillerPicture:
    """A picture of which each process dies that decodes it, as by a fault in a library."""

    def __init__(self, house: Running) -> None:
        assert house.process is not None
        self.killed: set[int] = set()
        self._house, self._process = house, Path(f"/proc/{house.process.pid}")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def upload(self) -> None:
        name = foscam_name(datetime.now(UTC), 1).replace(".jpg", ".png")
        self._house.put(name, files.costly_png(7_000))

    def __enter__(self) -> KillerPicture:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.002):
            for child in self._children():
                with contextlib.suppress(OSError):  # it is gone, or has gone on to another file
                    if self._decodes(child) and any(map(self._is_it, self._open_files(child))):
                        os.kill(child, signal.SIGSEGV)
                        self.killed.add(child)

    @staticmethod
    def _decodes(child: int) -> bool:
        """Not a copy of its parent that is about to become a decoder: it has the parent's files open for a moment."""
        return b"cameras.media.decoder_child" in Path(f"/proc/{child}/cmdline").read_bytes()

    @staticmethod
    def _open_files(child: int) -> Iterator[Path]:
        return (file.readlink() for file in Path(f"/proc/{child}/fd").iterdir())

    def _is_it(self, path: Path) -> bool:
        """Not a picture of the product's own, which the decoder reads to tell whose fault it is."""
        return path.suffix == ".png" and path.is_relative_to(self._house.cameras)

    def _children(self) -> list[int]:
        with contextlib.suppress(OSError):
            return [int(child) for of in self._process.glob("task/*/children") for child in of.read_text().split()]
        return []


@pytest.fixture
def detector() -> Iterator[Detector]:
    with RtDetrPeer() as peer:
        yield Detector(peer)


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path / "disk", 60)


@pytest.fixture
def house(child_environment: dict[str, str], detector: Detector, disk: Disk) -> Iterator[Running]:
    running = Running(child_environment | disk.environment, RTDETR_URL=detector.peer.url, **SETTINGS)
    try:
        running.start()
        yield running
    finally:
        status = running.stop()
    assert status == 0


@pytest.fixture
def overview(house: Running, open_page: Callable[..., Visit]) -> Page:
    """The admin's first page, as it stays open all night."""
    page = open_page(house.url, viewport=(390, 844), phone=True).page
    page.set_default_timeout(PATIENCE_MS)
    page.goto("/login?next=/admin/")
    page.fill("#id_username", "admin")
    page.fill("#id_password", PASSWORD)
    page.press("#id_password", "Enter")
    expect(page.locator("#overview")).to_be_visible()
    return page


def upload(house: Running, number: int, size: tuple[int, int] = (320, 240)) -> None:
    house.put(foscam_name(datetime.now(UTC) + timedelta(seconds=number), number), files.jpeg(number, size))


def states(house: Running) -> list[str]:
    return [one["state"] for one in house.uploads()]


def trouble(page: Page, words: str, after_ms: int = 0) -> Locator:
    """It is on the overview within 15 s, by itself, and `after_ms` which it takes to become true."""
    found = page.locator(".issue").filter(has_text=words)
    expect(found).to_have_count(1, timeout=SEEN_WITHIN_MS + after_ms)
    return found


def gone(page: Page, words: str) -> None:
    page.goto("/admin/")
    expect(page.locator(".issue").filter(has_text=words)).to_have_count(0, timeout=SEEN_WITHIN_MS)


def test_a_detector_that_fails_is_seen_and_asked_again_and_a_poisoned_picture_is_given_up(
    house: Running, detector: Detector, overview: Page
) -> None:
    page = overview
    expect(page.locator(".overall-status h2")).to_contain_text("All well", timeout=SEEN_WITHIN_MS)
    detector.is_ill = True
    for number in range(4):
        upload(house, number)
    house.until(lambda: "open" in {one["state"] for one in house.all("/api/system/breakers")})
    seen = trouble(page, "rtdetr is open")
    threading.Event().wait(OUTAGE_SECONDS)
    assert set(states(house)) <= {"waiting", "dead"}
    detector.is_ill = False
    seen.click()
    page.get_by_role("button", name="Reset rtdetr").click()
    expect(page.get_by_text("the service is used again")).to_be_visible()
    page.goto("/admin/dead-letters/")
    if page.get_by_role("button", name=re.compile("Requeue all")).count():
        page.get_by_role("button", name="Requeue all dead letters").click()
        page.get_by_role("button", name="Requeue").click()
    house.until(lambda: states(house) == ["detected"] * 4)

    page.goto("/admin/")
    upload(house, 66, POISON)
    trouble(page, "1 dead letter").click()
    page.locator(".choose a").first.click()
    expect(page.get_by_text("cannot identify image file").first).to_be_visible()
    page.get_by_role("link", name="Everything about this upload").click()
    expect(page.get_by_text("Log lines")).to_be_visible()
    assert page.locator(".log").count() >= 1
    page.go_back()
    page.get_by_role("button", name="Discard").click()
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_text("1 discarded.")).to_be_visible()
    gone(page, "dead letter")


def test_a_picture_that_kills_its_decoder_is_refused_and_seen_and_nothing_else_suffers(
    house: Running, overview: Page
) -> None:
    page = overview
    upload(house, 1)
    house.until(lambda: states(house) == ["detected"])
    with KillerPicture(house) as killer:
        killer.upload()
        told = page.locator(".panel-failures").get_by_text("rejected: the decoder ended with SIGSEGV")
        expect(told).to_be_visible(timeout=SEEN_WITHIN_MS)
    assert 2 <= len(killer.killed) <= 4  # two for each time that it is judged
    upload(house, 2)
    house.until(lambda: sorted(states(house)) == ["detected", "detected", "rejected"])
    told.click()
    page.get_by_role("link", name=re.compile("everything about")).click()
    expect(page.get_by_text("kills_decoder").first).to_be_visible()


def test_a_disk_that_fills_up_is_seen_before_and_when_intake_pauses(house: Running, disk: Disk, overview: Page) -> None:
    page = overview
    disk.is_used(91)
    trouble(page, "Data folder: the disk is 91 % full")
    disk.is_used(99.9)
    trouble(page, "Intake is paused")
    upload(house, 1)
    disk.is_used(60)
    expect(page.locator(".overall-status h2")).to_contain_text("All well", timeout=SEEN_WITHIN_MS)
    house.until(lambda: states(house) == ["detected"])


def test_a_camera_that_falls_silent_is_seen_and_paused_from_its_page(house: Running, overview: Page) -> None:
    page = overview
    upload(house, 1)
    house.until(lambda: states(house) == ["detected"])
    # Shorter than a person may ask for: the night is long, the test is not.
    house.manage("shell", "-c", "from cameras.models import Camera as C; C.objects.update(expected_interval_seconds=3)")
    trouble(page, "1 camera is offline", after_ms=8_000)
    page.locator("a.camera").filter(has_text="offline").click()
    page.get_by_role("link", name="Pause").click()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("paused", exact=True).first).to_be_visible()
    gone(page, "camera is offline")


def test_the_log_of_one_picture_is_read_from_folder_to_event(house: Running, overview: Page) -> None:
    page = overview
    upload(house, 1)
    house.until(lambda: [one["analysis"] for one in house.all("/api/events")] == ["done"])
    house.until(
        lambda: set(WAY) <= {component for (component,) in house.rows("SELECT component FROM monitoring_logentry")}
    )
    [event] = house.all("/api/events")
    page.goto(f"/admin/about/event/{event['id']}")
    rows = page.locator(".line-row")
    for words in ("upload", "batch", "event"):
        expect(rows.filter(has_text=re.compile(rf"^\s*{words} \d"))).not_to_have_count(0)
    lines = page.locator(".log")
    for part in WAY:
        expect(lines.filter(has_text=part)).not_to_have_count(0)
