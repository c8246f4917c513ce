"""The operations pages in a real browser, before the real server, on a bad night: seen, understood, put right."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import expect

from cameras.models import Upload
from hsi.models import ApiToken, AuditEntry, CircuitBreaker, DeadLetter, QueuePause
from hsi.queues import DETECTION_QUEUE, backpressure
from monitoring import bulk_jobs
from monitoring.models import LogEntry
from tests import factories
from tests.browser import night
from tests.browser.chromium import Visit
from tests.browser.screens import SCREENS, Screen, on_every_screen, press, said, until
from tests.browser.site import Site

pytestmark = [pytest.mark.slow, pytest.mark.one_engine, pytest.mark.django_db(transaction=True)]

SEEN_WITHIN_MS = 15_000
ENVIRONMENT = {"RTDETR_URL": "http://127.0.0.1:9"}  # nobody is there


def pages() -> list[str]:
    letter, line = DeadLetter.objects.filter(state="open").first(), LogEntry.objects.exclude(stack="").first()
    upload = Upload.objects.filter(state=Upload.State.DEAD).first()
    assert letter is not None
    assert line is not None
    assert upload is not None
    places: tuple[str, ...] = (
        "",
        "dead-letters/",
        f"dead-letters/{letter.pk}",
        f"jobs/{bulk_jobs.begin('requeue', {'error': letter.error_type}, 12).pk}",
        "queues/",
        "queues/detection_queue/pause",
        "tokens/new",
        "configuration/",
    )
    places += ("logs/", "logs/?level=ERROR&q=attempt", f"logs/{line.pk}", f"about/upload/{upload.pk}")
    return [f"/admin/{place}" for place in places]


@on_every_screen
def test_every_page_fits_every_screen(visit: Visit, boss: User, screen: Screen) -> None:
    night.trouble(boss)
    wide = {}
    for place in pages():
        answer = visit.page.goto(place)
        assert answer is not None
        assert answer.status == 200, place
        wide[place] = visit.page.evaluate("document.documentElement.scrollWidth")
    assert wide == dict.fromkeys(wide, screen.width)


def test_a_page_that_stays_open_follows_the_systems_theme_until_one_is_chosen(visit: Visit, screen: Screen) -> None:
    page, dark = visit.page, visit.page.locator("html.dark")
    page.goto("/admin/logs/")
    for scheme in ("dark", "light", "dark", screen.scheme):
        page.emulate_media(color_scheme=scheme)
        expect(dark).to_have_count(int(scheme == "dark"))
    page.evaluate("Alpine.$data(document.documentElement).adminTheme = 'light'")
    expect(dark).to_have_count(0)
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(200)  # in which it would change
    expect(dark).to_have_count(0)


def test_the_overview_of_a_new_house_explains_what_is_empty(server: Site, visit: Visit) -> None:
    server.stop()  # it remembers charts of another test
    server.start()
    page = visit.page
    page.goto("/admin/")
    said(page, "No camera yet.")
    said(page, "No worker has started yet.")
    said(page, "Nothing went through in this time.")


def test_what_goes_wrong_is_on_the_overview_by_itself_and_leads_to_its_cause(visit: Visit, boss: User) -> None:
    page = visit.page
    page.goto("/admin/")
    expect(page.locator(".issues")).not_to_contain_text("12 dead letters")
    night.trouble(boss)
    troubles = page.locator(".issues")
    for words in ("12 dead letters: AIServiceError", "rtdetr is open", "analysis_queue is paused", "orphans"):
        expect(troubles).to_contain_text(words, timeout=SEEN_WITHIN_MS)
    expect(page.locator(".panel-storage")).to_contain_text("Full in")
    press(troubles.get_by_role("link", name="12 dead letters: AIServiceError"))
    expect(page).to_have_url(re.compile("/admin/dead-letters/"))
    said(page, "With this cause")


def test_many_letters_are_a_job_that_shows_how_far_it_is_and_can_be_left(visit: Visit) -> None:
    upload = factories.upload(state=Upload.State.DEAD)
    for number in range(bulk_jobs.CHUNK * 5):
        factories.dead_letter(row_id=upload.pk + number)
    page = visit.page
    page.goto("/admin/dead-letters/")
    press(page.get_by_role("button", name="Requeue all dead letters"))
    said(page, "Queue 125 dead letters again?")
    press(page.get_by_role("button", name="Requeue"))
    said(page, "0 of 125 dead letters")
    bulk_jobs.step()
    said(page, "25 of 125 dead letters")
    page.goto("/admin/dead-letters/")
    press(page.get_by_role("link", name="Show or stop"))
    said(page, "The job continues when you leave this page.")
    while bulk_jobs.step():
        pass
    said(page, "125 of 125 dead letters")
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    press(page.get_by_role("link", name="To the dead letters"))
    said(page, "There are no dead letters.")


def test_a_change_that_the_system_tells_of_is_asked_for_at_once(visit: Visit) -> None:
    page = visit.page
    asked: list[str] = []
    heard: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "overview/figures" in request.url else None)
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: heard.append(str(frame))))
    page.clock.install()
    page.goto("/admin/")
    until(page, lambda: any("connection.ready" in frame for frame in heard))
    page.clock.run_for(900)
    assert asked == []
    backpressure.record_depth(DETECTION_QUEUE, settings.QUEUE_MAX_SIZE)
    until(page, lambda: any("queue.pressure" in frame for frame in heard))
    page.clock.run_for(900)
    until(page, lambda: len(asked) == 1)


@pytest.mark.parametrize("screen", SCREENS[:1], indirect=True, ids=str)
def test_figures_that_are_old_are_no_news(server: Site, visit: Visit) -> None:
    page = visit.page
    page.goto("/admin/")
    server.stop()
    expect(page.locator("#as-of")).to_contain_text("Not up to date since")
    factories.dead_letter(night.picture(factories.camera(), timezone.now(), state=Upload.State.DEAD))
    server.start()
    expect(page.locator("#as-of")).to_contain_text("As of")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # as when the window is looked at again
    expect(page.locator("[data-count=dead_letters]")).to_have_text("1")
    visit.forgive("ERR_CONNECTION", "WebSocket")


def test_the_letters_of_a_cause_are_queued_again_and_one_is_discarded(visit: Visit, boss: User) -> None:
    night.trouble(boss)
    page = visit.page
    page.goto("/admin/dead-letters/")
    press(page.get_by_role("button", name="Requeue all AIServiceError of detection_queue"))
    said(page, "Queue 12 dead letters again?")
    press(page.get_by_role("button", name="Requeue"))
    said(page, "12 queued again.")
    assert DeadLetter.objects.filter(state="open").count() == 1
    assert Upload.objects.filter(state=Upload.State.WAITING).count() == 12
    left = DeadLetter.objects.filter(state="open").get()
    page.get_by_label(f"Select dead letter {left.pk}").press("Space")
    press(page.get_by_role("button", name="Discard selected"))
    said(page, "Discard 1 dead letter?")
    press(page.get_by_role("link", name="Cancel"))
    assert DeadLetter.objects.filter(state="open").count() == 1
    page.get_by_role("link", name="AIServiceRejectedError").last.click()
    press(page.get_by_role("button", name="Discard"))
    press(page.get_by_role("button", name="Discard"))
    said(page, "1 discarded.")
    said(page, "There are no dead letters.")
    assert AuditEntry.objects.filter(user="boss", action__startswith="dead_letter").count() == 13


def test_a_queue_is_paused_and_let_go_on_and_a_breaker_is_reset(visit: Visit, boss: User) -> None:
    night.trouble(boss)
    page = visit.page
    page.goto("/admin/queues/")
    press(page.get_by_role("link", name="Pause detection_queue"))
    said(page, "Its jobs wait until the queue is resumed.")
    press(page.get_by_role("button", name="Pause"))
    said(page, "detection_queue is paused.")
    assert QueuePause.objects.filter(queue="detection_queue", paused_by="boss").exists()
    press(page.get_by_role("button", name="Resume detection_queue"))
    said(page, "detection_queue is resumed.")
    assert not QueuePause.objects.filter(queue="detection_queue").exists()
    press(page.get_by_role("button", name="Reset rtdetr"))
    said(page, "the service is used again")
    assert CircuitBreaker.objects.get(name="rtdetr").state == "closed"


def test_a_token_is_made_and_works(visit: Visit, screen: Screen) -> None:
    page = visit.page
    page.goto("/admin/hsi/apitoken/")
    if screen.is_phone:
        press(page.get_by_role("link", name="More"))
    press(page.get_by_role("link", name="Create a token"))
    page.get_by_label("What for").fill("Home Assistant")
    press(page.get_by_label("write: review events"), "Space")
    press(page.get_by_role("button", name="Create the token"))
    said(page, "Copy it now.")
    press(page.get_by_role("button", name="Copy"))
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    text = page.get_by_label("The token").input_value()
    answer = page.request.get("/api/cameras", headers={"Authorization": f"Bearer {text}"})
    assert answer.status == 200
    assert ApiToken.objects.get().scopes == ["read", "write"]


def test_a_token_is_revoked(visit: Visit, boss: User) -> None:
    night.trouble(boss)
    page = visit.page
    page.goto("/admin/hsi/apitoken/")
    page.get_by_role("link", name="Revoke").first.click()
    press(page.get_by_role("button", name="Revoke"))
    said(page, "The token is revoked.")
    assert ApiToken.objects.filter(revoked_at__isnull=False).count() == 1


def test_the_log_is_searched_read_and_followed(visit: Visit, boss: User) -> None:
    night.trouble(boss)
    page = visit.page
    page.goto("/admin/logs/")
    page.get_by_role("searchbox").fill("attempt 20")
    page.keyboard.press("Enter")
    expect(page.locator("#lines > li")).to_have_count(1)
    page.locator("#lines").get_by_role("link", name="upload").click()
    said(page, "Related rows")
    said(page, "Log lines")
    page.goto("/admin/logs/?level=WARNING")
    page.get_by_label("follow new lines").check()
    expect(page.locator("#following")).to_contain_text("Up to date")
    for level, words in ((LogEntry.Level.INFO, "calm"), (LogEntry.Level.ERROR, "<b>wicked</b>")):
        LogEntry.objects.create(created_at=timezone.now(), level=level, component="a.b", message=words)
    expect(page.locator("#lines > li").first).to_contain_text("<b>wicked</b>", timeout=SEEN_WITHIN_MS)
    expect(page.locator("#lines")).not_to_contain_text("calm")


def test_connections_are_tried_and_settings_are_found(visit: Visit) -> None:
    page = visit.page
    page.goto("/admin/configuration/")
    press(page.get_by_role("button", name="Try all"))
    expect(page.locator("#connections .tone-good").first).to_be_visible()
    page.get_by_label("Find").fill("batch window")
    rows: Any = page.locator("#settings tbody tr:visible")
    expect(rows.filter(has_text="BATCH_WINDOW_SECONDS")).to_have_count(1)
    assert rows.count() < 6
