from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.checks import run_checks
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from hsi import live_settings
from hsi.config.options import SETTINGS
from hsi.config.parsing import parse
from hsi.errors import InvalidRequestError
from hsi.live_settings import LIVE, SOURCE
from hsi.models import AuditEntry, LiveSetting
from hsi.workers.flusher import PeriodicFlusher
from tests.browser.site import database_url

pytestmark = pytest.mark.django_db

NEVER = re.compile(r"(^|_)(SECRET|KEYS?|PASSWORD|URL|PATH$|DIR|HOSTS?|PORT|DATABASE|REDIS|ORIGINS|ADDRESSES)(_|$)")


def changed(**wanted: str | None) -> list[str]:
    """`change`, heeded at once: a test's own transaction commits nothing."""
    names = live_settings.change(wanted)
    live_settings.apply_changes()
    return names


def refused(**wanted: str | None) -> dict[str, str]:
    with pytest.raises(InvalidRequestError) as told:
        live_settings.change(wanted)
    return dict(told.value.errors or {})


def row(name: str, value: str) -> None:
    LiveSetting.objects.create(name=name, value=value, changed_by="ann")


def test_nothing_that_is_secret_or_says_where_things_are_may_change():
    assert [
        setting.name for setting in SETTINGS if setting.live and (setting.secret or NEVER.search(setting.name))
    ] == []
    assert {"BATCH_WINDOW_SECONDS", "RETENTION_DAYS", "RATE_LIMIT_BURST", "FAST_PATH_OBJECT_TYPES"} <= set(LIVE)


@pytest.mark.parametrize("name", sorted(LIVE))
def test_every_value_survives_being_written(name: str):
    setting = LIVE[name]
    for value in (setting.default, setting.minimum, setting.maximum):
        if value is not None:
            assert parse(setting, live_settings.written(setting.type(value))) == (setting.type(value), None)


def test_a_number_near_nothing_is_written_so_that_it_can_be_read():
    assert changed(DETECTION_CONFIDENCE_THRESHOLD="0.00001") == ["DETECTION_CONFIDENCE_THRESHOLD"]
    assert django_settings.DETECTION_CONFIDENCE_THRESHOLD == 0.00001


def test_a_change_is_in_force_where_settings_are_read_and_goes_back_to_what_the_environment_says():
    window, labels = django_settings.BATCH_WINDOW_SECONDS, django_settings.FAST_PATH_OBJECT_TYPES
    assert changed(BATCH_WINDOW_SECONDS=" 120 ", FAST_PATH_OBJECT_TYPES="person, dog", NOTIFICATION_ENABLED="off") == [
        "BATCH_WINDOW_SECONDS", "FAST_PATH_OBJECT_TYPES", "NOTIFICATION_ENABLED",
    ]  # fmt: skip
    assert django_settings.BATCH_WINDOW_SECONDS == 120
    assert django_settings.FAST_PATH_OBJECT_TYPES == ["person", "dog"]
    assert django_settings.NOTIFICATION_ENABLED is False
    told = live_settings.configuration()
    assert (told.values["BATCH_WINDOW_SECONDS"], told.sources["BATCH_WINDOW_SECONDS"]) == (120, SOURCE)
    assert told.sources["BATCH_MAX_DETECTIONS"] != SOURCE
    assert changed(BATCH_WINDOW_SECONDS=None, FAST_PATH_OBJECT_TYPES=None, TRASH_DAYS=None) == [
        "BATCH_WINDOW_SECONDS", "FAST_PATH_OBJECT_TYPES",
    ]  # fmt: skip
    assert (window, labels) == (django_settings.BATCH_WINDOW_SECONDS, django_settings.FAST_PATH_OBJECT_TYPES)
    assert live_settings.configuration().sources["BATCH_WINDOW_SECONDS"] != SOURCE
    assert LiveSetting.objects.values_list("name", flat=True).get() == "NOTIFICATION_ENABLED"


def test_each_change_is_in_the_audit_log_and_what_changes_nothing_is_not():
    changed(TRASH_DAYS="9")
    assert changed(TRASH_DAYS="9", JOB_MAX_ATTEMPTS=str(django_settings.JOB_MAX_ATTEMPTS)) == []
    changed(TRASH_DAYS="10")
    changed(TRASH_DAYS=None)
    entries = AuditEntry.objects.filter(object="setting TRASH_DAYS").order_by("id")
    assert list(entries.values_list("action", "before", "after")) == [
        ("setting_changed", {"value": "7", "source": "default"}, {"value": "9", "source": "database"}),
        ("setting_changed", {"value": "9", "source": "database"}, {"value": "10", "source": "database"}),
        ("setting_reset", {"value": "10", "source": "database"}, {"value": "7", "source": "default"}),
    ]
    assert AuditEntry.objects.count() == 3


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("BATCH_WINDOW_SECONDS", "0"),
        ("BATCH_WINDOW_SECONDS", "3601"),
        ("BATCH_WINDOW_SECONDS", ""),
        ("BATCH_WINDOW_SECONDS", "soon"),
        ("BATCH_WINDOW_SECONDS", "9" * 6000),
        ("BATCH_WINDOW_SECONDS", "60\0"),
        ("RETENTION_FREE_PERCENT", "nan"),
        ("RETENTION_FREE_PERCENT", "inf"),
        ("RETENTION_DAYS", str(2**63)),
        ("RATE_LIMIT_ENABLED", "perhaps"),
        ("FAST_PATH_OBJECT_TYPES", "person\0"),
        ("FAST_PATH_OBJECT_TYPES", "\ud800"),
        ("FAST_PATH_OBJECT_TYPES", "x" * 1001),
    ],
)
def test_what_env_would_not_take_is_refused_with_what_is_allowed(name: str, text: str):
    assert refused(**{name: text}) == {name: f"must be {LIVE[name].allowed}"}
    assert not LiveSetting.objects.exists()


def test_what_does_not_change_while_running_is_refused():
    assert refused(SECRET_KEY="x", DATABASE_URL="sqlite:////tmp/x", NONSENSE="1") == dict.fromkeys(
        ("SECRET_KEY", "DATABASE_URL", "NONSENSE"), "does not change while the system runs"
    )


def test_settings_are_judged_together_and_either_all_change_or_none():
    why = "BATCH_IDLE_TIMEOUT_SECONDS: must not be longer than BATCH_WINDOW_SECONDS"
    assert refused(BATCH_WINDOW_SECONDS="20", TRASH_DAYS="3") == {"BATCH_WINDOW_SECONDS": why}
    assert not LiveSetting.objects.exists()
    changed(BATCH_WINDOW_SECONDS="20", BATCH_IDLE_TIMEOUT_SECONDS="10")
    assert refused(BATCH_IDLE_TIMEOUT_SECONDS=None) == {"BATCH_IDLE_TIMEOUT_SECONDS": why}
    assert set(refused(SEVERITY_LOW_MAX="70", SEVERITY_HIGH_MAX="60")) == {"SEVERITY_LOW_MAX", "SEVERITY_HIGH_MAX"}
    changed(SEVERITY_LOW_MAX="70", SEVERITY_MEDIUM_MAX="80")
    assert django_settings.SEVERITY_MEDIUM_MAX == 80


def test_rows_that_cannot_be_used_are_ignored_and_said_to_be(caplog: pytest.LogCaptureFixture):
    for name, value in (
        ("BATCH_WINDOW_SECONDS", "5000"),
        ("GONE_SETTING", "1"),
        ("SECRET_KEY", "x"),
        ("TRASH_DAYS", "3"),
    ):
        row(name, value)
    row("SEVERITY_LOW_MAX", "90")
    live_settings.apply_changes()
    assert (django_settings.BATCH_WINDOW_SECONDS, django_settings.TRASH_DAYS) == (90, 3)
    assert django_settings.SEVERITY_LOW_MAX == 29
    assert set(live_settings.ignored()) == {"BATCH_WINDOW_SECONDS", "GONE_SETTING", "SECRET_KEY", "SEVERITY_LOW_MAX"}
    found = [check for check in run_checks() if check.id == "hsi.W002"]
    assert len(found) == 4
    assert "The live value of BATCH_WINDOW_SECONDS is ignored: must be a whole number" in str(found[0].msg)
    assert len(caplog.records) == 5  # four warnings, and one value that counts
    live_settings.apply_changes()
    assert len(caplog.records) == 5
    # Others can be changed all the same, and such a row goes as any other.
    assert changed(JOB_MAX_ATTEMPTS="6", GONE_SETTING=None, BATCH_WINDOW_SECONDS="3600") == [
        "JOB_MAX_ATTEMPTS", "GONE_SETTING", "BATCH_WINDOW_SECONDS",
    ]  # fmt: skip
    assert AuditEntry.objects.get(object="setting BATCH_WINDOW_SECONDS").before == {
        "value": "5000", "source": "database",
    }  # fmt: skip


def test_a_look_asks_the_database_once_in_a_while_and_reading_a_setting_never():
    with CaptureQueriesContext(connection) as captured:
        for _ in range(1000):
            live_settings.poll()
            assert django_settings.BATCH_WINDOW_SECONDS
    assert len(captured) == 1


def test_an_old_value_that_a_reader_put_back_does_not_stay():
    row("TRASH_DAYS", "3")
    live_settings.apply_changes()
    django_settings.__dict__["TRASH_DAYS"] = 7  # Django keeps what it read there
    assert django_settings.TRASH_DAYS == 7
    live_settings.apply_changes()
    assert django_settings.TRASH_DAYS == 3
    LiveSetting.objects.all().delete()
    live_settings.apply_changes()
    django_settings.__dict__["TRASH_DAYS"] = 3
    live_settings.apply_changes()
    assert django_settings.TRASH_DAYS == 7


def test_a_setting_of_a_test_is_as_it_was_after_it(settings: Any):
    settings.TRASH_DAYS = 5
    row("TRASH_DAYS", "3")
    live_settings.apply_changes()
    assert django_settings.TRASH_DAYS == 3
    live_settings.forget()
    assert django_settings.TRASH_DAYS == 5


def test_a_process_has_what_was_changed_before_it_begins_to_work():
    row("TRASH_DAYS", "3")
    with PeriodicFlusher():
        assert django_settings.TRASH_DAYS == 3


@pytest.mark.django_db(transaction=True)
def test_two_at_a_time_cannot_make_what_does_not_go_together():
    faults: list[dict[str, Any] | None] = []
    begun = threading.Barrier(2)

    def one(wanted: dict[str, str | None]) -> None:
        begun.wait(10)
        try:
            live_settings.change(wanted)
        except InvalidRequestError as error:
            faults.append(error.errors)
        finally:
            connections.close_all()

    both: tuple[dict[str, str | None], ...] = ({"BATCH_WINDOW_SECONDS": "40"}, {"BATCH_IDLE_TIMEOUT_SECONDS": "60"})
    threads = [threading.Thread(target=one, args=(wanted,)) for wanted in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(faults) == 1
    assert live_settings.read(dict(LiveSetting.objects.values_list("name", "value"))).ignored == {}
    assert LiveSetting.objects.count() == 1


CHILD = """
import sys, threading, django
django.setup()
from django.conf import settings
from hsi.workers.flusher import PeriodicFlusher
with PeriodicFlusher():
    seen = None
    for _ in range(1500):
        if settings.BATCH_WINDOW_SECONDS != seen:
            seen = settings.BATCH_WINDOW_SECONDS
            print(seen, flush=True)
        if seen == 77:
            break
        threading.Event().wait(0.02)
"""


@contextmanager
def child() -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {"DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "hsi.settings"}
    environment |= {"BATCH_WINDOW_SECONDS": "50", "HSI_DATA_DIR": str(django_settings.DATA_DIR)}
    process = subprocess.Popen([sys.executable, "-c", CHILD], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_change_reaches_another_process_within_seconds_and_so_does_its_end(data_dir: Any):
    changed(BATCH_WINDOW_SECONDS="60")
    with child() as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "60\n"  # above its own environment
        live_settings.change({"BATCH_WINDOW_SECONDS": None})
        began = time.monotonic()
        assert process.stdout.readline() == "50\n"
        live_settings.change({"BATCH_WINDOW_SECONDS": "77"})
        assert process.stdout.readline() == "77\n"
        assert time.monotonic() - began < 4 * live_settings.POLL_SECONDS
        assert process.wait(20) == 0
