"""Many dead letters at once: asked for on their page, followed on a page of its own."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from hsi.models import DeadLetter
from monitoring import bulk_jobs
from monitoring.models import JobRun
from monitoring.pages import dead_letters
from tests import factories

pytestmark = pytest.mark.django_db

RESOLVE = "/admin/letters/resolve"


@pytest.fixture(autouse=True)
def boss(client: Client, data_dir: Any, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(dead_letters, "AT_ONCE", 2)
    client.force_login(factories.admin("boss"))
    return client


def fill(number: int, **values: Any) -> None:
    for _ in range(number):
        factories.dead_letter(**values)


def asked_for(client: Client, **form: str) -> JobRun:
    answer = client.post(RESOLVE, {"verb": "requeue", "confirmed": "yes", **form})
    run = JobRun.objects.order_by("-id")[0]
    assert (answer.status_code, answer["Location"]) == (302, reverse("admin:errand", args=[run.pk]))
    return run


def progress(client: Client, run: JobRun) -> dict[str, Any]:
    answer: dict[str, Any] = client.get(reverse("admin:errand_progress", args=[run.pk])).json()
    return answer


def test_few_are_dealt_with_at_once_and_many_by_a_job(client: Client):
    fill(2)
    answer = client.post(RESOLVE, {"verb": "requeue", "confirmed": "yes", "all": "yes"})
    assert answer["Location"] == reverse("admin:letters")
    assert not JobRun.objects.exists()
    fill(3)
    run = asked_for(client, all="yes")
    assert (run.total, run.asked_by, DeadLetter.objects.filter(state="open").count()) == (3, "boss", 3)


def test_the_page_shows_how_far_it_is_until_it_is_over(client: Client):
    fill(3, error_type="Slow")
    fill(1)
    run = asked_for(client, error="Slow")
    page = client.get(reverse("admin:errand", args=[run.pk])).content.decode()
    assert "0 of 3 letters" in page
    assert "error “Slow”" in page
    assert "It goes on when you leave this page" in page
    assert "Follow or stop it" in client.get(reverse("admin:letters")).content.decode()
    assert not progress(client, run)["over"]
    bulk_jobs.turn()
    done = progress(client, run)
    assert done["over"]
    assert "3 of 3 letters" in done["html"]
    assert "3 queued again" in done["html"]
    assert "Stop" not in client.get(reverse("admin:errand", args=[run.pk])).content.decode()
    assert "Follow or stop it" not in client.get(reverse("admin:letters")).content.decode()


def test_it_can_be_stopped_once(client: Client):
    fill(3)
    run = asked_for(client, all="yes")
    for told in ("Stopped.", "It was over already."):
        answer: Any = client.post(reverse("admin:stop_errand", args=[run.pk]))
        assert answer["Location"] == reverse("admin:errand", args=[run.pk])
        assert [str(message) for message in get_messages(answer.wsgi_request)][-1].startswith(told)
    assert DeadLetter.objects.filter(state="open").count() == 3


def test_more_than_may_be_are_the_oldest_and_no_more_are_counted(client: Client, settings: LazySettings):
    settings.MAX_REQUEUE_ITERATIONS = 3
    fill(5)
    question = client.post(RESOLVE, {"verb": "requeue", "all": "yes"}).content.decode()
    assert "Queue the oldest 3 dead letters again?" in question
    assert "ask again for the rest" in question
    assert asked_for(client, all="yes").total == 3


def test_what_a_job_says_of_its_failure_is_shown_as_text(client: Client):
    fill(3)
    run = asked_for(client, all="yes")
    JobRun.objects.filter(pk=run.pk).update(outcome="failed", error="<b>no</b>")
    assert "&lt;b&gt;no" in progress(client, run)["html"]


def test_a_run_of_housekeeping_has_no_such_page(client: Client):
    fill(3)
    run = asked_for(client, all="yes")
    JobRun.objects.filter(pk=run.pk).update(asked=None)
    assert client.get(reverse("admin:errand", args=[run.pk])).status_code == 404
