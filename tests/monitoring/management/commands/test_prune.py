from __future__ import annotations

from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from cameras.models import Garbage, Upload
from events.models import Event
from tests import factories
from tests.monitoring.metrics import recordings

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(microsecond=0)
SPAN = f"{NOW - timedelta(days=40):%Y-%m-%d %H:%M} to {NOW - timedelta(days=35) + timedelta(seconds=2):%Y-%m-%d %H:%M}"


@pytest.fixture(autouse=True)
def recorded(settings: Any, data_dir: Path) -> None:
    settings.RETENTION_FREE_BYTES = settings.RETENTION_FREE_PERCENT = 0
    door, yard = factories.camera("door"), factories.camera("yard")
    recordings.event(door, NOW - timedelta(days=40))
    recordings.event(door, NOW - timedelta(days=35))
    recordings.event(yard, NOW - timedelta(days=1))
    recordings.refused(yard, NOW - timedelta(days=9))


def prune(*options: str) -> list[str]:
    out = StringIO()
    call_command("prune", *options, stdout=out)
    return out.getvalue().splitlines()


def test_a_dry_run_says_what_would_go_from_when_and_why_and_leaves_it_there():
    said = prune("--dry-run")
    assert said[0] == f"door: 2 events, 4 uploads, 4000 bytes, {SPAN}: older than RETENTION_DAYS"
    assert said[1].startswith("yard: 0 events, 1 uploads, 1000 bytes, ")
    assert said[1].endswith(": refused, older than RETENTION_REJECTED_DAYS")
    assert said[2:] == ["would go: 2 events, 5 uploads, 5000 bytes"]
    assert (Event.objects.count(), Upload.objects.count()) == (3, 7)
    assert recordings.files() == recordings.files_of_rows()


def test_without_it_that_is_what_goes():
    said = prune("--dry-run")
    assert prune() == [*said[:2], "removed: 2 events, 5 uploads, 5000 bytes"]
    assert (Event.objects.count(), Upload.objects.count()) == (1, 2)
    recordings.assert_nothing_dangles()


def test_with_nothing_to_do_it_says_so():
    prune()
    assert prune() == ["removed: 0 events, 0 uploads, 0 bytes"]


def test_it_says_when_files_could_not_be_deleted():
    Garbage.objects.create(
        root=Garbage.Root.CAMERAS, path="away/a.jpg", attempts=1, due_at=timezone.now() + timedelta(hours=1)
    )
    assert prune()[-1] == "1 files could not be deleted yet and will be tried again."
