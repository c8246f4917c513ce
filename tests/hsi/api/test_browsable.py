from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client

from tests import factories

pytestmark = pytest.mark.django_db

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def boss(client: Client, data_dir: Path) -> Client:
    client.force_login(factories.admin())
    return client


def page(client: Client, path: str) -> str:
    answer = client.get(f"/api/{path}", headers=BROWSER)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/html; charset=utf-8")
    return answer.content.decode()


def test_a_list_has_a_form_that_begins_with_what_may_be_sent(boss: Client):
    factories.camera("door")
    content = page(boss, "cameras")
    assert 'name="_content"' in content
    for field in ("name", "folder", "time_zone", "enabled"):
        assert f"&quot;{field}&quot;:" in content
    assert "door" in content


def test_the_form_of_one_thing_begins_with_what_it_is(boss: Client):
    factories.camera("door", time_zone="Europe/Berlin")
    content = page(boss, "cameras/door")
    form = content[content.index('name="_content"') :]
    assert "&quot;time_zone&quot;: &quot;Europe/Berlin&quot;" in form
    assert "&quot;created_at&quot;" not in form.partition("</textarea>")[0]  # nobody can change that


def test_what_somebody_may_not_do_has_no_form(client: Client, data_dir: Path):
    camera = factories.camera("door")
    client.force_login(factories.user(sees=camera))
    assert 'name="_content"' not in page(client, "cameras")


@pytest.mark.parametrize("path", ["events", "events/trash", "events/1", "cameras/door/zones", "system/health"])
def test_a_person_sees_the_api_as_pages(boss: Client, path: str):
    factories.event(factories.camera("door"), id=1)
    assert page(boss, path)


def test_nothing_on_a_page_is_stopped_by_its_policy(boss: Client):
    """Scripts come from our own files; what stands in the page is data."""
    factories.camera("door")
    answer = boss.get("/api/cameras/door", headers=BROWSER)
    assert "'unsafe-inline'" not in answer["Content-Security-Policy"].partition("script-src")[2].partition(";")[0]
    content = answer.content.decode()
    scripts = re.findall(r"<script([^>]*)>", content)
    assert scripts
    assert all('src="/static/' in one or 'type="application/json"' in one for one in scripts)
    assert not re.search(r"<[^>]+\son[a-z]+=", content)


def test_a_token_gets_json_whatever_it_accepts(data_dir: Path):
    headers = {"X-API-Key": factories.token(factories.admin(), "read"), **BROWSER}
    answer = Client().get("/api/cameras", headers=headers)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")


def test_it_is_a_page_of_this_system_and_leads_nowhere_else(boss: Client):
    content = page(boss, "cameras")
    assert "Home Security Intelligence</title>" in content
    assert "Django REST framework" not in content
    assert re.findall(r'href=["\']https?:[^"\']*', content) == []
