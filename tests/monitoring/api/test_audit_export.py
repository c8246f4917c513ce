"""The audit log as a file: whole, safe to open, and noted itself."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from django.test import Client

from hsi import audit
from hsi.api import export as files
from hsi.models import AuditEntry
from monitoring.api import records
from tests import factories

pytestmark = pytest.mark.django_db

ADDRESS = "/api/audit/export"


def content(client: Client, **query: str) -> str:
    answer: Any = client.get(ADDRESS, query)
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()


def test_csv_and_json_hold_what_the_list_holds(boss: Client):
    audit.record("event_reviewed", "event 4", before={"reviewed": False}, after={"reviewed": True})
    audit.record("=HYPERLINK(1)", "event 5")
    listed = boss.get("/api/audit", {"object": "event 4"}).json()["items"]
    assert json.loads(content(boss, format="json", object="event 4")) == listed
    rows = list(csv.DictReader(io.StringIO(content(boss), newline="")))
    assert list(rows[0]) == list(listed[0])
    assert json.loads(rows[-1]["after"]) == {"reviewed": True}
    assert {row["action"] for row in rows} >= {"'=HYPERLINK(1)", "event_reviewed"}


def test_a_log_of_many_chunks_is_whole_and_in_order(boss: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(records, "CHUNK", 3)
    for number in range(10):
        audit.record("camera_changed", f"camera {number}")
    ids = [row["id"] for row in json.loads(content(boss, format="json", action="camera_changed"))]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 10


def test_that_it_was_taken_is_an_entry_of_the_log(boss: Client):
    content(boss, user="ann")
    entry = AuditEntry.objects.get(action="audit_exported")
    assert (entry.user, entry.after) == ("boss", {"user": "ann"})


def test_the_list_in_the_admin_leads_to_it(boss: Client):
    page = boss.get("/admin/hsi/auditentry/").content.decode()
    links = re.findall(r'href="(/admin/hsi/auditentry/[^"]*as_(?:csv|json)[^"]*)"', page)
    assert [boss.get(link)["Location"] for link in links] == [f"{ADDRESS}?format=csv", f"{ADDRESS}?format=json"]


def test_it_is_for_administrators(client: Client):
    client.force_login(factories.user())
    assert client.get(ADDRESS).status_code == 403
    assert not AuditEntry.objects.filter(action="audit_exported").exists()


@pytest.mark.parametrize("query", [{"format": "xls"}, {"bom": "perhaps"}, {"after": "never"}, {"cursor": "x"}])
def test_a_question_that_makes_no_sense_is_refused(boss: Client, query: dict[str, str]):
    assert boss.get(ADDRESS, query).status_code == 400


def test_a_cell_holds_an_object_as_json():
    assert files.cell({"a": [1]}) == '{"a": [1]}'
