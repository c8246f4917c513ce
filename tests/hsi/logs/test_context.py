from __future__ import annotations

import logging
from typing import Any

import pytest
from django.test import Client

from hsi.logs import context
from hsi.logs.formatters import LineFormatter
from hsi.queues import ANALYSIS_QUEUE, DETECTION_QUEUE, Job, get_queue
from hsi.workers.queue_worker import QueueWorker
from tests import factories
from tests.factories import job_handler

logger = logging.getLogger("hsi.test")


def line() -> str:
    record = logging.LogRecord("hsi.test", logging.INFO, "", 0, "said", (), None)
    return LineFormatter().format(record).partition(": ")[2]


@pytest.mark.one_engine
def test_a_line_says_what_it_is_about_and_nothing_where_nobody_asked():
    assert line() == "said"
    with context.bound(request="r1", queue="", row=7):
        assert line() == "said [request=r1 row=7]"
        with context.bound(row=8):
            assert line() == "said [row=8]"
        assert context.trace() == "r1"
    assert line() == "said"


@pytest.mark.django_db
def test_the_lines_of_a_request_name_it_and_its_user(client: Client, monkeypatch: pytest.MonkeyPatch):
    lines: list[str] = []

    def noted(*_: object) -> dict[str, str]:
        lines.append(line())
        return {}

    monkeypatch.setattr("cameras.api.cameras.camera_data", noted)
    factories.camera()
    admin = factories.admin()
    client.force_login(admin)
    client.get("/api/cameras", headers={"X-Request-ID": "find-me"})
    assert lines == [f"said [request=find-me user={admin.pk}]"]
    assert line() == "said"


@pytest.mark.django_db(transaction=True)
def test_a_line_of_a_worker_names_the_request_that_caused_its_job_and_so_do_the_jobs_it_puts(settings: Any):
    lines: list[str] = []

    def work(job: Job) -> None:
        lines.append(line())
        get_queue(ANALYSIS_QUEUE).put(job.row_id)
        get_queue(job.queue).ack(job)

    queue = get_queue(DETECTION_QUEUE)
    with context.bound(request="find-me"):
        queue.put(1)
    queue.put(2)
    QueueWorker("test", DETECTION_QUEUE, job_handler(work)).run(drain=True)
    assert lines == ["said [request=find-me queue=detection_queue row=1]", "said [queue=detection_queue row=2]"]
    assert [job.trace for job in get_queue(ANALYSIS_QUEUE).peek(2)] == ["find-me", ""]
