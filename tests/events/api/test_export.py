"""Events as a file: whole, in pieces, safe to open, and spared by retention where that is asked for."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext

from cameras.models import Camera
from events.api import history
from events.models import Event
from hsi.api.export import FORMATS, cell
from hsi.models import AuditEntry
from hsi.security.roles import Role, set_role
from tests import factories

pytestmark = pytest.mark.django_db

ADDRESS = "/api/events/export"


@pytest.fixture
def door() -> Camera:
    return factories.camera("door")


@pytest.fixture
def operator(client: Client, door: Camera) -> Client:
    client.force_login(in_role(Role.OPERATOR, door))
    return client


def in_role(role: Role, sees: Camera) -> User:
    user = factories.user(sees=sees)
    set_role(user, role)
    return user


def content(client: Client, **query: Any) -> str:
    answer: Any = client.get(ADDRESS, query)
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv_and_json_hold_what_the_list_holds(operator: Client, door: Camera):
    factories.event(door, summary='Says "hi", twice\nand more', labels=["person", "sports ball"], notes="Ärger 監視")
    factories.event(door, analysis="pending", started_at=factories.NOW - timedelta(hours=1))
    factories.event(factories.camera("garden"))
    listed = operator.get("/api/events").json()["items"]
    assert json.loads(content(operator, format="json")) == listed
    first, second = rows(content(operator))
    assert list(first) == list(listed[0])
    assert (first["summary"], first["labels"]) == (listed[0]["summary"], "person; sports ball")
    assert (first["notes"], first["is_fast_path"], second["risk_score"]) == ("Ärger 監視", "false", "")
    assert json.loads(content(operator, format="json", q="nothing")) == []
    assert rows(content(operator, q="nothing")) == []


def test_it_is_a_file_to_save_in_the_format_that_was_asked_for(operator: Client):
    answers: list[Any] = [operator.get(ADDRESS, query) for query in ({}, {"bom": "1"}, {"format": "json"})]
    plain, marked, as_json = answers
    assert (plain["Content-Type"], as_json["Content-Type"]) == ("text/csv; charset=utf-8", "application/json")
    assert 'attachment; filename="events-' in plain["Content-Disposition"]
    assert plain["Cache-Control"] == "private, no-store"
    first = [next(iter(answer.streaming_content)) for answer in (plain, marked)]
    assert [text[:3] == b"\xef\xbb\xbf" for text in first] == [False, True]


@pytest.mark.parametrize("query", ["format=xml", "format=ndjson", "bom=maybe", "cursor=a", "limit=5", "colour=red"])
def test_an_export_that_does_not_fit_is_an_error_of_its_field(operator: Client, query: str):
    answer = operator.get(f"{ADDRESS}?{query}")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [query.partition("=")[0]])


@pytest.mark.parametrize(
    "text",
    [
        "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\u00a0=1", "\uff1d1", "\uff0b1", "\uff0d1",
        "\uff201", "-", "=cmd|' /C calc'!A0",
    ],
)  # fmt: skip
def test_no_cell_runs_as_a_formula(text: str):
    assert cell(text) == f"'{text}"
    assert cell([text, "car"]) == f"'{text}; car"


@pytest.mark.parametrize("value", ["a=b", "A person.", "", "1-2", "'=1", 12, -3, None, 0.5])
def test_a_cell_that_is_no_formula_is_as_it_was(value: Any):
    assert cell(value) == value


def test_formulas_from_outside_come_out_as_text(operator: Client, door: Camera):
    factories.event(door, summary="=1+1", notes="@x", labels=["-dog"], reasoning="\tx")
    (row,) = rows(content(operator))
    assert (row["summary"], row["notes"], row["labels"], row["reasoning"]) == ("'=1+1", "'@x", "'-dog", "'\tx")


@pytest.mark.parametrize("kind", list(FORMATS))
def test_the_first_piece_leaves_before_the_rest_is_read(
    operator: Client, door: Camera, monkeypatch: pytest.MonkeyPatch, kind: str
):
    monkeypatch.setattr(history, "CHUNK", 2)
    for minute in range(5):
        factories.event(door, started_at=factories.NOW + timedelta(minutes=minute))
    answer: Any = operator.get(ADDRESS, {"format": kind})
    parts = iter(answer.streaming_content)
    with CaptureQueriesContext(connection) as asked:
        text = next(parts) + (next(parts) if kind == "csv" else b"")
    assert len([one for one in asked if "SELECT" in one["sql"]]) == 1
    assert text.count(b"/snapshot") == 2
    late = factories.event(door, started_at=factories.NOW + timedelta(hours=1))  # shifts nothing
    text += b"".join(parts)
    assert text.count(b"/snapshot") == 5
    assert f"/api/events/{late.pk}/".encode() not in text


@pytest.mark.django_db(transaction=True)
def test_what_left_is_spared_and_what_a_client_that_went_away_did_not_get_is_not(
    operator: Client, door: Camera, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(history, "CHUNK", 1)
    old, new = (factories.event(door, started_at=factories.NOW + timedelta(hours=hour)) for hour in range(2))
    answer: Any = operator.post(f"{ADDRESS}?format=json", content_type="application/json")
    assert not Event.objects.exclude(exported_at=None).exists()
    next(iter(answer.streaming_content))
    answer.close()
    assert list(Event.objects.exclude(exported_at=None)) == [new]
    first = Event.objects.get(pk=new.pk).exported_at
    posted: Any = operator.post(ADDRESS, content_type="application/json")
    assert len(rows(b"".join(posted.streaming_content).decode())) == 2
    old.refresh_from_db()
    new.refresh_from_db()
    assert old.exported_at
    assert new.exported_at == first  # the first time counts


def spared() -> int:
    return Event.objects.exclude(exported_at=None).count()


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}])
@pytest.mark.parametrize("query", ["", "?format=json", "?camera=door&bom=1"])
def test_to_read_an_export_changes_nothing(operator: Client, door: Camera, query: str, headers: dict[str, str]):
    event = factories.event(door)
    before = Event.objects.values().get()
    answer: Any = operator.get(f"{ADDRESS}{query}", headers=headers)
    assert (answer.status_code, str(event.pk) in b"".join(answer.streaming_content).decode()) == (200, True)
    b"".join(operator.head(f"{ADDRESS}{query}", headers=headers).streaming_content)  # type: ignore[attr-defined]
    assert Event.objects.values().get() == before
    assert not AuditEntry.objects.filter(action="events_exported").exists()


def test_a_post_marks_what_its_filters_leave_and_is_noted(operator: Client, door: Camera):
    event = factories.event(door, labels=["dog"])
    factories.event(door)
    factories.event(factories.camera("garden"), labels=["dog"])
    answer: Any = operator.post(f"{ADDRESS}?label=dog&format=json", content_type="application/json")
    assert [row["id"] for row in json.loads(b"".join(answer.streaming_content))] == [event.pk]
    assert list(Event.objects.exclude(exported_at=None)) == [event]
    assert AuditEntry.objects.get(action="events_exported").after == {"label": "dog", "format": "json"}


def test_filters_in_the_body_of_a_post_are_refused_and_not_passed_over(operator: Client, door: Camera):
    factories.event(door)
    answer = operator.post(ADDRESS, {"camera": "door"}, content_type="application/json")
    assert (answer.status_code, list(answer.json()["errors"]), spared()) == (400, ["camera"], 0)
    assert operator.post(f"{ADDRESS}?colour=red", content_type="application/json").status_code == 400


def test_only_who_may_change_events_may_have_them_spared(client: Client, door: Camera):
    factories.event(door)
    viewer, operator = in_role(Role.VIEWER, door), in_role(Role.OPERATOR, door)
    for owner, scope, marks in ((viewer, "admin", 0), (operator, "read", 0), (operator, "write", 1)):
        headers = {"Authorization": f"Bearer {factories.token(owner, scope)}"}
        answer: Any = client.post(ADDRESS, headers=headers, content_type="application/json")
        assert answer.status_code == (200 if marks else 403)
        assert b"".join(answer.streaming_content) if marks else answer.json()["code"] == "FORBIDDEN"
        assert spared() == marks


def test_a_page_of_another_site_cannot_send_the_post(door: Camera):
    factories.event(door)
    client = Client(enforce_csrf_checks=True)
    client.force_login(in_role(Role.OPERATOR, door))
    assert client.post(ADDRESS, content_type="application/json").status_code == 403
    assert spared() == 0


@pytest.fixture
def cookie(operator: Client, door: Camera) -> str:
    """Of a session that sees two events."""
    for _ in range(2):
        factories.event(door)
    return operator.cookies["sessionid"].value


@pytest.mark.django_db(transaction=True)
async def test_an_asgi_server_gets_it_in_pieces_too(cookie: str, monkeypatch: pytest.MonkeyPatch):
    """Django's own answer would be read to its end first."""
    monkeypatch.setattr(history, "CHUNK", 1)
    client = AsyncClient()
    client.cookies["sessionid"] = cookie
    answer: Any = await client.post(f"{ADDRESS}?format=json", content_type="application/json")
    parts = aiter(answer)
    assert (await anext(parts)).count(b"/snapshot") == 1
    assert await Event.objects.exclude(exported_at=None).acount() == 1
    rest = [part async for part in parts]
    assert b"".join(rest).count(b"/snapshot") == 1
    await sync_to_async(answer.close)()
