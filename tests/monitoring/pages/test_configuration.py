"""The configuration page: settings that change while the system runs are edited there."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as configured
from django.contrib.messages import get_messages
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from hsi import live_settings
from hsi.models import AuditEntry, LiveSetting

pytestmark = pytest.mark.django_db

PAGE = "/admin/configuration/"


def told(answer: Any) -> str:
    """What is said last."""
    return [str(message) for message in get_messages(answer.wsgi_request)][-1]


def field(answer: Any, name: str) -> Any:
    return next(one for one in answer.context["fields"] if one.name == name)


def test_what_is_edited_is_changed_and_who_did_it_is_shown(boss: Client):
    answer: Any = boss.post(PAGE, {"TRASH_DAYS": " 9 ", "was-TRASH_DAYS": "7", "JOB_MAX_ATTEMPTS": "5", "was-JOB_MAX_ATTEMPTS": "5"})  # fmt: skip  # noqa: E501
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert told(answer) == "TRASH_DAYS is 9."
    assert configured.TRASH_DAYS == 9
    row = LiveSetting.objects.get()
    assert (row.name, row.value, row.changed_by) == ("TRASH_DAYS", "9", "boss")
    shown = boss.get(PAGE)
    assert (field(shown, "TRASH_DAYS").value, field(shown, "TRASH_DAYS").beneath) == ("9", "7")
    content = shown.content.decode()
    assert "Set by boss" in content
    assert "Back to 7 (default)" in content
    history: Any = boss.get(field(shown, "TRASH_DAYS").history)
    assert list(history.context["cl"].queryset) == [AuditEntry.objects.get(action="setting_changed")]


def test_what_somebody_else_changed_meanwhile_stays(boss: Client):
    live_settings.change({"TRASH_DAYS": "12"})
    boss.post(PAGE, {"TRASH_DAYS": "7", "was-TRASH_DAYS": "7", "JOB_MAX_ATTEMPTS": "6", "was-JOB_MAX_ATTEMPTS": "5"})
    assert dict(LiveSetting.objects.values_list("name", "value")) == {"TRASH_DAYS": "12", "JOB_MAX_ATTEMPTS": "6"}


def test_what_cannot_be_is_told_at_its_field_and_nothing_typed_is_lost(boss: Client):
    answer: Any = boss.post(PAGE, {
        "TRASH_DAYS": "<b>soon</b>", "was-TRASH_DAYS": "7", "JOB_MAX_ATTEMPTS": "6", "was-JOB_MAX_ATTEMPTS": "5",
        "BATCH_WINDOW_SECONDS": "5", "was-BATCH_WINDOW_SECONDS": "90",
    })  # fmt: skip
    assert answer.status_code == 200
    assert not LiveSetting.objects.exists()
    assert field(answer, "TRASH_DAYS").fault == "must be a whole number from 0 to 36,500"
    assert "must not be longer than" in field(answer, "BATCH_WINDOW_SECONDS").fault
    assert (field(answer, "JOB_MAX_ATTEMPTS").fault, field(answer, "JOB_MAX_ATTEMPTS").typed) == ("", "6")
    content = answer.content.decode()
    assert 'value="&lt;b&gt;soon&lt;/b&gt;"' in content
    assert "<b>soon" not in content
    assert content.count("aria-invalid") == 2


def test_a_setting_goes_back_to_what_the_environment_says(boss: Client):
    boss.post(PAGE, {"TRASH_DAYS": "9"})
    assert told(boss.post(PAGE, {"reset": "TRASH_DAYS"})) == "TRASH_DAYS is 7."
    assert configured.TRASH_DAYS == 7
    assert told(boss.post(PAGE, {"reset": "TRASH_DAYS"})) == "It was not set here."
    assert AuditEntry.objects.filter(action="setting_reset", user="boss").count() == 1


def test_one_that_holds_another_up_cannot_go_back_alone(boss: Client):
    live_settings.change({"BATCH_WINDOW_SECONDS": "20", "BATCH_IDLE_TIMEOUT_SECONDS": "10"})
    words = told(boss.post(PAGE, {"reset": "BATCH_IDLE_TIMEOUT_SECONDS"}))
    assert words.startswith("Nothing was changed. BATCH_IDLE_TIMEOUT_SECONDS: must not be longer")
    assert LiveSetting.objects.count() == 2


def test_a_row_that_is_ignored_is_shown_and_removed(boss: Client):
    LiveSetting.objects.create(name="GONE_SETTING", value="1", changed_by="ann")
    LiveSetting.objects.create(name="TRASH_DAYS", value="-4", changed_by="ann")
    shown = boss.get(PAGE)
    assert [one.row.name for one in shown.context["ignored"]] == ["GONE_SETTING", "TRASH_DAYS"]
    assert {finding.id for finding in shown.context["findings"]} >= {"hsi.W002"}
    assert (field(shown, "TRASH_DAYS").value, field(shown, "TRASH_DAYS").row) == ("7", None)
    assert told(boss.post(PAGE, {"reset": "GONE_SETTING"})) == "GONE_SETTING is gone."
    assert told(boss.post(PAGE, {"reset": "TRASH_DAYS"})) == "TRASH_DAYS is 7."
    assert not LiveSetting.objects.exists()


@pytest.mark.parametrize(
    "form",
    [
        {"reset": "\0"}, {"reset": "x" * 5000}, {"reset": "SECRET_KEY"}, {}, {"SECRET_KEY": "x"}, {"GONE_SETTING": "1"},
        {"TRASH_DAYS": "\0"}, {"TRASH_DAYS": "9" * 5000}, {"FAST_PATH_OBJECT_TYPES": "x" * 5000}, {"TRASH_DAYS": ""},
        {"connection": "\0"},
    ],
)  # fmt: skip
def test_a_hostile_form_changes_nothing(boss: Client, form: dict[str, str]):
    assert boss.post(PAGE, form).status_code in (200, 302)
    assert not LiveSetting.objects.exists()
    assert not AuditEntry.objects.filter(action__startswith="setting").exists()


def test_a_form_of_another_site_is_refused(boss: Client):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = boss.cookies
    answer: HttpResponse = strict.post(PAGE, {"TRASH_DAYS": "9"})  # type: ignore[assignment]
    assert answer.status_code == 403
    assert not LiveSetting.objects.exists()


def test_settings_that_need_a_restart_have_no_field(boss: Client):
    shown = boss.get(reverse("admin:configuration"))
    content = shown.content.decode()
    assert 'name="API_PORT"' not in content
    assert "API_PORT" in content
    assert {one.name for one in shown.context["fields"]} == set(live_settings.LIVE)
