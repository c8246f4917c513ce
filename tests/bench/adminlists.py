"""The admin's pages with a million rows of whatever may become so many, as a request sees them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import median

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from tests.bench import million, millionmore
from tests.bench.figure import Figure
from tests.bench.month import rows, time_of

ROUNDS = 5
AT_MOST_MS = 300
PAGES = (
    "", "events/event/", "events/event/?q=garden", "events/event/?q=nobody", "events/event/?reviewed__exact=0",
    "events/event/?p=3", "detection/detection/", "detection/detection/?q=nobody", "detection/batch/",
    "detection/batch/?q=nobody", "cameras/upload/", "cameras/upload/?q=nobody", "cameras/camera/",
    "hsi/auditentry/", "hsi/auditentry/?q=nobody",
    "logs/", "logs/?level=ERROR", "logs/?q=nobody", "dead-letters/", "queues/", "events/event/500000/change/",
    "about/event/500000", "cameras/upload/?state__exact=dead", "cameras/garbage/",
    "hsi/queuejob/", "hsi/queuejob/?q=500000", "hsi/streammessage/",
    "hsi/streammessage/?q=nobody", "hsi/loginfailure/", "events/alert/", "events/alert/?status__exact=open",
    "events/delivery/", "events/delivery/?state__exact=dead", "monitoring/jobrun/", "monitoring/jobrun/?q=nobody",
    "monitoring/gpusample/", "monitoring/gpusample/?q=nobody", "monitoring/storagesample/",
)  # fmt: skip


def figures() -> Iterator[Figure]:
    million.fill()
    millionmore.fill()
    fill()
    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.create(username="boss", is_superuser=True, is_staff=True))
    for page in PAGES:
        took = median(milliseconds(client, f"/admin/{page}") for _ in range(ROUNDS))
        yield Figure(f"admin/{page}", took, "ms", at_most=AT_MOST_MS)


def fill() -> None:
    """Log lines and audit entries, a few seconds apart."""
    at = time_of(datetime.now(UTC) - timedelta(seconds=million.EVENTS), 1)
    lines = {
        "created_at": at, "level": "CASE n%1000 WHEN 0 THEN 40 ELSE 20 END", "component": "'detection.pipeline'",
        "message": "'camera1/'||n||'.jpg shows person'", "stack": "''", "request_id": "''", "camera": "'camera1'",
        "batch": "n", "queue": "'detection_queue'",
    }  # fmt: skip
    entries = {
        "created_at": at, "\"user\"": "'ann'", "token": "''", "address": "'192.0.2.1'", "action": "'event_reviewed'",
        "object": "'event '||n", "request_id": "''",
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(rows("monitoring_logentry", million.EVENTS, lines))
        cursor.execute(rows("hsi_auditentry", million.EVENTS, entries))
        cursor.execute("ANALYZE")


def milliseconds(client: Client, page: str) -> float:
    began = time.perf_counter()
    answer = client.get(page)
    assert answer.status_code == 200, page
    return (time.perf_counter() - began) * 1000
