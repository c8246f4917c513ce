from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from cameras.models import Upload
from events.models import Event
from hsi.models import StreamMessage
from monitoring.retention import run, units
from tests import factories
from tests.monitoring.metrics import recordings
from tests.monitoring.metrics.recordings import days_ago

pytestmark = pytest.mark.django_db(transaction=True)


def test_two_that_remove_at_the_same_time_do_no_harm(
    settings: Any, data_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    settings.RETENTION_FREE_BYTES = settings.RETENTION_FREE_PERCENT = 0
    monkeypatch.setattr(units, "CHUNK", 4)
    monkeypatch.setattr(run, "CHUNK", 4)
    camera = factories.camera()
    events = {recordings.event(camera, days_ago(31 + number)).pk for number in range(12)}
    kept = recordings.event(camera, days_ago(60), kept=True)

    def whole_run() -> int:
        try:
            return len(recordings.run())
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        removed = [future.result(60) for future in [pool.submit(whole_run), pool.submit(whole_run)]]
    assert sum(removed) == 12
    assert list(Event.objects.all()) == [kept]
    assert Upload.objects.count() == 2
    told = StreamMessage.objects.filter(type="event.deleted").values_list("data__id", flat=True)
    assert sorted(told) == sorted(events)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    recordings.assert_nothing_dangles()
