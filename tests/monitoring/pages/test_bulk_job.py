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

RESOLVE = "/admin/dead-letters/resolve"


@pytest.fixture(autouse=True)
def _more_than_two_become_a_job(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "AT_ONCE", 2)


def fill(number: int, **values: Any) -> None:
    for _ in range(number):
        factories.dead_letter(**values)


def asked_for(client: Client, **form: str) -> JobRun:
    answer = client.post(RESOLVE, {"verb": "requeue", "confirmed": "yes", **form})
    run = JobRun.objects.order_by("-id")[0]
    assert (answer.status_code, answer["Location"]) == (302, reverse("admin:bulk_job", args=[run.pk]))
    return run


def progress(client: Client, run: JobRun) -> dict[str, Any]:
    answer: dict[str, Any] = client.get(reverse("admin:bulk_job_progress", args=[run.pk])).json()
    return answer


def test_few_are_dealt_with_at_once_and_many_by_a_job(client: Client):
    fill(2)
    answer = client.post(RESOLVE, {"verb": "requeue", "confirmed": "yes", "all": "yes"})
    assert answer["Location"] == reverse("admin:dead_letters")
    assert not JobRun.objects.exists()
    fill(3)
    run = asked_for(client, all="yes")
    assert (run.total, run.requested_by, DeadLetter.objects.filter(state="open").count()) == (3, "boss", 3)


def test_the_page_shows_how_far_it_is_until_it_is_over(client: Client):
    fill(3, error_type="Slow")
    fill(1)
    run = asked_for(client, error="Slow")
    page = client.get(reverse("admin:bulk_job", args=[run.pk])).content.decode()
    assert "0 of 3 dead letters" in page
    assert "error “Slow”" in page
    assert "The job continues when you leave this page" in page
    assert "Show or stop" in client.get(reverse("admin:dead_letters")).content.decode()
    assert not progress(client, run)["over"]
    bulk_jobs.step()
    done = progress(client, run)
    assert done["over"]
    assert "3 of 3 dead letters" in done["html"]
    assert "3 queued again" in done["html"]
    assert "Stop" not in client.get(reverse("admin:bulk_job", args=[run.pk])).content.decode()
    assert "Show or stop" not in client.get(reverse("admin:dead_letters")).content.decode()


def test_it_can_be_stopped_once(client: Client):
    fill(3)
    run = asked_for(client, all="yes")
    for told in ("Stopped.", "The job had ended."):
        answer: Any = client.post(reverse("admin:stop_bulk_job", args=[run.pk]))
        assert answer["Location"] == reverse("admin:bulk_job", args=[run.pk])
        assert [str(message) for message in get_messages(answer.wsgi_request)][-1].startswith(told)
    assert DeadLetter.objects.filter(state="open").count() == 3


def test_more_than_may_be_are_the_oldest_and_no_more_are_counted(client: Client, settings: LazySettings):
    settings.MAX_REQUEUE_ITERATIONS = 3
    fill(5)
    question = client.post(RESOLVE, {"verb": "requeue", "all": "yes"}).content.decode()
    assert "Queue the oldest 3 dead letters again?" in question
    assert "Repeat the action for the rest" in question
    assert asked_for(client, all="yes").total == 3


def test_what_a_job_says_of_its_failure_is_shown_as_text(client: Client):
    fill(3)
    run = asked_for(client, all="yes")
    JobRun.objects.filter(pk=run.pk).update(outcome="failed", error="<b>no</b>")
    assert "&lt;b&gt;no" in progress(client, run)["html"]


def test_a_run_of_housekeeping_has_no_such_page(client: Client):
    fill(3)
    run = asked_for(client, all="yes")
    JobRun.objects.filter(pk=run.pk).update(request=None)
    assert client.get(reverse("admin:bulk_job", args=[run.pk])).status_code == 404
