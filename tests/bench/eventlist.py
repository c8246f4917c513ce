"""The list of events at 1,000,000 of them, against psycopg and orjson doing only that: the same rows, the same JSON.

Ours is the view as a request reaches it behind the gate: filters, rights, pages, the query, and the rendered answer.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from urllib.parse import urlencode

import orjson
import psycopg
from django.contrib.auth.models import User
from psycopg.rows import dict_row
from rest_framework.test import APIRequestFactory

from events.api.events import Events
from events.models import Event
from events.serializers import COLUMNS
from hsi.api.pagination import cursor_of
from tests.bench import million
from tests.bench.figure import Figure, compared

PAGE, ROUNDS, AT_ONCE = 50, 30, 10
DEEP = 10_000
LISTS: dict[str, tuple[dict[str, str], str]] = {
    "newest": ({}, "true"),
    "of a camera, not reviewed": ({"camera": "camera1", "reviewed": "false"}, "camera_id='camera1' AND NOT reviewed"),
    "at least 60, not reviewed": ({"min_risk": "60", "reviewed": "false"}, "risk_score>=60 AND NOT reviewed"),
}
SEARCHES = ("person", "zebra", "front door", "gar*", "person -two")


def figures() -> Iterator[Figure]:
    million.fill()
    assert Event.objects.count() == million.EVENTS
    user = User.objects.create(username="reader", is_superuser=True)
    deep = {"cursor": deep_cursor()}
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, row_factory=dict_row) as raw:
        for name, (filters, where) in LISTS.items():
            assert listed(user, filters) == bare(raw, where)
            ours, limit = partial(answer, user, filters), partial(bare, raw, where)
            yield compared(
                f"{PAGE} of {million.EVENTS} events, {name}", "ms",
                partial(milliseconds, ours), partial(milliseconds, limit), rounds=ROUNDS, at_most=4,
            )  # fmt: skip
    yield compared(
        f"page {DEEP} of them against page 1", "ms",
        partial(milliseconds, partial(answer, user, deep)), partial(milliseconds, partial(answer, user, {})),
        rounds=ROUNDS, at_most=1.5,
    )  # fmt: skip
    for words in SEARCHES:
        yield searched(user, {"q": words}, f"newest events with {words!r}")
    yield searched(user, {"q": "person", "order": "rank"}, "best events with 'person'")


def searched(user: User, query: dict[str, str], name: str) -> Figure:
    return Figure(name, median(milliseconds(lambda: answer(user, query), 1) for _ in range(5)), "ms")


def milliseconds(action: Callable[[], object], times: int = AT_ONCE) -> float:
    began = time.perf_counter()
    for _ in range(times):
        action()
    return (time.perf_counter() - began) * 1000 / times


def answer(user: User, query: dict[str, str]) -> bytes:
    request = APIRequestFactory().get(f"/api/events?{urlencode({**query, 'limit': PAGE})}")
    request.user = user
    response = Events.as_view()(request)
    assert response.status_code == 200
    content: bytes = response.render().content
    return content


def listed(user: User, query: dict[str, str]) -> list[int]:
    return [event["id"] for event in orjson.loads(answer(user, query))["items"]]


def bare(raw: psycopg.Connection[dict[str, object]], where: str) -> list[int]:
    """The ids of a page that was read and written as JSON."""
    columns = ",".join(column for _, column in COLUMNS)
    sql = f"SELECT {columns} FROM events_event WHERE {where} ORDER BY started_at DESC, id DESC LIMIT {PAGE + 1}"
    rows = raw.execute(sql.encode()).fetchall()
    orjson.dumps({"items": rows[:PAGE], "has_more": len(rows) > PAGE})
    return [int(str(row["id"])) for row in rows[:PAGE]]


def deep_cursor() -> str:
    """Of the last event before page `DEEP`."""
    events = Event.objects.order_by("-started_at", "-id")
    return cursor_of(events[(DEEP - 1) * PAGE - 1], "started_at", Event)
