from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hsi.db import clock

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _anew(monkeypatch) -> None:
    monkeypatch.setattr(clock, "_read", None)


def test_it_is_the_time_whatever_this_machine_believes(monkeypatch):
    real = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: real + timedelta(hours=1))
    assert abs(clock.now() - real) < timedelta(seconds=30)


def test_it_goes_on_and_asks_once_for_a_while():
    with CaptureQueriesContext(connection) as asked:
        times = [clock.now() for _ in range(100)]
    assert times == sorted(times)
    assert len(asked) == 1


def test_what_was_read_long_ago_is_asked_again(monkeypatch):
    clock.now()
    monkeypatch.setattr(clock, "BELIEVED_SECONDS", 0)
    with CaptureQueriesContext(connection) as asked:
        clock.now()
    assert len(asked) == 1
