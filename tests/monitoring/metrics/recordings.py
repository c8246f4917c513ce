"""Recordings for tests of retention: rows with the files that they name, of any age."""

from __future__ import annotations

import itertools
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings

from cameras.files.tree import Tree
from cameras.models import Camera, Garbage, Upload, version_key
from detection.models import Batch, Detection
from events.models import Event
from hsi.models import StreamMessage
from monitoring.retention.run import prune
from monitoring.retention.units import DeletionUnit
from tests import factories

NOW = factories.NOW
SIZE = 1000
_numbers = itertools.count(1)


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def picture(of: Camera, at: datetime, folder: str = "snap", **values: Any) -> Upload:
    """An upload of `SIZE` bytes that came at `at`, with its file and its small picture. Nothing was found in it."""
    path = f"{of.folder}/{folder}/{next(_numbers):06}.jpg"
    mtime_ns = int(at.timestamp()) * 10**9
    key = version_key(path, SIZE, mtime_ns)
    thumbnail = f"thumbnails/{of.pk}/{key[:2]}/{key[:32]}.jpg"
    put(settings.CAMERA_ROOT / path, mtime_ns)
    put(settings.DATA_DIR / thumbnail, mtime_ns)
    facts = {"path": path, "size": SIZE, "mtime_ns": mtime_ns, "version_key": key, "thumbnail": thumbnail}
    times = {"captured_at": at, "received_at": at, "state": Upload.State.EMPTY}
    return factories.upload(of, **{**facts, **times, **values})


def refused(of: Camera, at: datetime) -> Upload:
    """A refused file in quarantine."""
    upload = picture(of, at, state=Upload.State.REJECTED, thumbnail="")
    upload.quarantine = f"quarantine/{of.pk}/{upload.version_key[:16]}-x.jpg"
    upload.save()
    destination = settings.DATA_DIR / upload.quarantine
    destination.parent.mkdir(parents=True, exist_ok=True)
    (settings.CAMERA_ROOT / upload.path).rename(destination)
    (settings.DATA_DIR / "thumbnails" / of.pk / upload.version_key[:2] / f"{upload.version_key[:32]}.jpg").unlink()
    return upload


def event(of: Camera, at: datetime, uploads: int = 2, **values: Any) -> Event:
    """A judged event with its batch and so many pictures, a second apart."""
    state = values.pop("batch_state", Batch.State.ANALYSED)
    made = factories.batch(of, state=state, started_at=at, ended_at=at + timedelta(seconds=uploads), opened_at=at)
    for number in range(uploads):
        upload = picture(of, at + timedelta(seconds=number), state=Upload.State.DETECTED)
        factories.detection(upload, made)
    return factories.event(of, batch=made, started_at=made.started_at, ended_at=made.ended_at, **values)


def put(path: Path, mtime_ns: int, size: int = SIZE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, ns=(mtime_ns, mtime_ns))
    return path


def run(now: datetime = NOW, *, dry_run: bool = False) -> list[DeletionUnit]:
    """A whole run of retention; what went, in order."""
    return [unit for turn in prune(now, dry_run=dry_run) for unit in turn.units]


def files() -> set[str]:
    """Every file below the data folder that is a camera's or a row's."""
    stores = [store for store in ("cameras", "thumbnails", "quarantine") if (settings.DATA_DIR / store).is_dir()]
    return {entry.path for store in stores for entry in Tree(settings.DATA_DIR).walk(store)}


def files_of_rows() -> set[str]:
    """Every file that a row says is there."""
    found: set[str] = set()
    for upload in Upload.objects.all():
        found.add(upload.quarantine or f"cameras/{upload.path}")
        found.update(filter(None, [upload.thumbnail]))
    return found


def assert_nothing_dangles() -> None:
    """Files and rows name each other, batches are whole, the stream has no holes and says each deletion once."""
    assert files() == files_of_rows()
    assert not Garbage.objects.exists()
    assert not Batch.objects.filter(detections=None).exists()
    assert not Upload.objects.filter(state=Upload.State.DETECTED, detections=None).exists()
    for made in Batch.objects.all():
        assert Detection.objects.filter(batch=made).count() == 2
        assert Event.objects.filter(batches=made).exists()
    numbers = list(StreamMessage.objects.order_by("seq").values_list("seq", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))
    deleted = [message.data["id"] for message in StreamMessage.objects.filter(type="event.deleted")]
    assert len(deleted) == len(set(deleted))
    assert not Event.objects.filter(pk__in=deleted).exists()
