from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from cameras.models import Upload
from monitoring.models import StorageSample
from monitoring.retention import storage
from tests import factories

pytestmark = pytest.mark.django_db

NOW = timezone.now()
GIB = 1024**3


def test_what_files_take_is_measured_by_kind_and_camera(data_dir: Path):
    door, garden = factories.camera("door"), factories.camera("garden")
    factories.upload(door, size=100)
    factories.upload(garden, size=30)
    factories.upload(garden, size=5, state=Upload.State.REJECTED)
    factories.upload(garden, size=1000, file_gone=True)
    (data_dir / "thumbnails" / "door").mkdir(parents=True)
    (data_dir / "thumbnails" / "door" / "a.jpg").write_bytes(b"x" * 17)
    list(storage.measure(NOW))
    row = StorageSample.objects.get()
    assert (row.originals_bytes, row.quarantine_bytes, row.thumbnails_bytes) == (130, 5, 17)
    assert row.cameras == {"door": 100, "garden": 35}
    assert (row.free_bytes or 0) > 0
    assert (row.database_bytes or 0) > 0


def test_a_folder_that_is_away_is_unknown_and_not_nothing(data_dir: Path, client: Client):
    (data_dir / "cameras").rmdir()
    list(storage.measure(NOW))
    assert StorageSample.objects.get().free_bytes is None
    client.force_login(factories.admin())
    answer = client.get("/api/system/storage").json()
    assert answer["camera_disk"] == {"total_bytes": None, "free_bytes": None}
    assert answer["data_disk"]["free_bytes"] > 0
    assert answer["use"]["originals_bytes"] == 0


def sample(days_ago: float, free: int) -> None:
    StorageSample.objects.create(
        recorded_at=NOW - timedelta(days=days_ago), free_bytes=free, total_bytes=100 * GIB, originals_bytes=0,
        quarantine_bytes=0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("samples", "days", "reason"),
    [
        ([], None, "Not enough measurements yet (one day)."),
        ([(0.1, 50 * GIB), (0.0, 40 * GIB)], None, "Not enough measurements yet (one day)."),
        ([(2, 50 * GIB), (1, 45 * GIB), (0, 40 * GIB)], 8.0, ""),
        ([(2, 40 * GIB), (0, 50 * GIB)], None, "The free space is not shrinking."),
        ([(2, 40 * GIB), (0, 40 * GIB - 1)], None, "Not within ten years."),
        ([(30, 90 * GIB), (2, 50 * GIB), (0, 40 * GIB)], 8.0, ""),
    ],
)
def test_how_long_the_room_lasts_is_said_only_where_it_is_known(
    samples: list[tuple[float, int]], days: float | None, reason: str
):
    for days_ago, free in samples:
        sample(days_ago, free)
    assert storage.forecast(NOW) == (days, reason)
