"""Disk usage and its forecast. It is measured a few times a day, so that showing it is cheap."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet, Sum

from cameras.files.tree import Tree
from cameras.models import Upload
from hsi.disk_space import disk_usage
from monitoring.models import StorageSample
from monitoring.retention.rules import bytes_by_camera

FILES = 500  # read per step
GROWTH_LOOKED_AT = timedelta(days=7)
GROWTH_AT_LEAST = timedelta(hours=20)
FARTHEST_DAYS = 3650
SAMPLE_DAYS = 90  # how long samples are kept


def measure(now: datetime) -> Iterator[int]:
    """Measure in steps. The last step writes the sample."""
    thumbnails = 0
    for size in _thumbnail_chunks():
        thumbnails += size
        yield 0
    cameras = bytes_by_camera()
    quarantine = Upload.objects.filter(state=Upload.State.REJECTED, file_gone=False).aggregate(sum=Sum("size"))["sum"]
    usage = disk_usage(settings.CAMERA_ROOT)
    StorageSample.objects.create(
        recorded_at=now,
        total_bytes=usage and usage[0],
        free_bytes=usage and usage[1],
        originals_bytes=sum(cameras.values()) - (quarantine or 0),
        quarantine_bytes=quarantine or 0,
        thumbnails_bytes=thumbnails,
        database_bytes=database_bytes(),
        cameras=cameras,
    )
    yield 1


def _thumbnail_chunks() -> Iterator[int]:
    if not (settings.DATA_DIR / "thumbnails").is_dir():
        return
    entries = Tree(settings.DATA_DIR).walk("thumbnails")
    while chunk := list(islice(entries, FILES)):
        yield sum(entry.size for entry in chunk)


def database_bytes() -> int | None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchone()[0])
    path = str(connection.settings_dict["NAME"])
    files = [Path(path), Path(f"{path}-wal")]
    sizes = [file.stat().st_size for file in files if file.is_file()]
    return sum(sizes) if sizes else None


def forecast(now: datetime) -> tuple[float | None, str]:
    """Return in how many days the disk of the camera folder is full, or None and the reason."""
    rows = StorageSample.objects.filter(recorded_at__gte=now - GROWTH_LOOKED_AT, free_bytes__isnull=False).order_by(
        "recorded_at"
    )
    first, last = rows.first(), rows.last()
    if first is None or last is None or last.recorded_at - first.recorded_at < GROWTH_AT_LEAST:
        return None, "Not enough measurements yet (one day)."
    days = (last.recorded_at - first.recorded_at) / timedelta(days=1)
    growth = ((first.free_bytes or 0) - (last.free_bytes or 0)) / days
    if growth <= 0:
        return None, "The free space is not shrinking."
    left = (last.free_bytes or 0) / growth
    return (None, "Not within ten years.") if left > FARTHEST_DAYS else (round(left, 1), "")


def expired(now: datetime) -> QuerySet[StorageSample]:
    """Return the samples that are too old."""
    return StorageSample.objects.filter(recorded_at__lt=now - timedelta(days=SAMPLE_DAYS))
