"""Uploads that wait, as after a night with the detector away: files, rows and jobs, made in bulk."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from django.conf import settings
from PIL import Image

from cameras.models import Camera, Upload, version_key
from hsi.queues import DETECTION_QUEUE, get_queue

CAMERAS, SECONDS_APART, AT_ONCE = 16, 10, 1000


def picture(size: tuple[int, int], seed: int = 0) -> bytes:
    """A JPEG with grain; different bytes for each `seed`."""
    buffer = io.BytesIO()
    Image.effect_noise(size, 40).save(buffer, "JPEG", quality=80)
    return buffer.getvalue() + seed.to_bytes(4, "big")  # what follows the end marker is no part of the picture


def waiting_uploads(
    count: int,
    originals: Sequence[bytes],
    *,
    until: datetime | None = None,
    cameras: int = CAMERAS,
    seconds_apart: int = SECONDS_APART,
) -> list[int]:
    """Ids of new waiting rows, the oldest capture first. Files of the same content share their place on the disk.

    The pictures of a camera are `seconds_apart`.
    """
    until = until or datetime.now(UTC) - timedelta(hours=1)
    folders = [_camera(number) for number in range(cameras)]
    made = [_original(content, number) for number, content in enumerate(originals)]
    first = Upload.objects.count()
    ids: list[int] = []
    for start in range(0, count, AT_ONCE):
        rows = [
            _row(
                folders[number % cameras],
                first + number,
                made[number % len(made)],
                until - timedelta(seconds=(count - number) // cameras * seconds_apart),
            )
            for number in range(start, min(count, start + AT_ONCE))
        ]
        ids += [row.pk for row in Upload.objects.bulk_create(rows)]
    return ids


def queue(ids: Sequence[int]) -> None:
    """Put a detection job for each."""
    for start in range(0, len(ids), AT_ONCE):
        chunk = list(ids[start : start + AT_ONCE])
        assert get_queue(DETECTION_QUEUE).put_many(chunk) == len(chunk)


def _camera(number: int) -> Camera:
    identity = f"camera{number}"
    (settings.CAMERA_ROOT / identity).mkdir(parents=True, exist_ok=True)
    return Camera.objects.get_or_create(pk=identity, defaults={"name": identity.title(), "folder": identity})[0]


def _original(content: bytes, number: int) -> Path:
    path: Path = settings.DATA_DIR / f"original{number}.jpg"
    if not path.exists():
        path.write_bytes(content)
    return path


def _row(camera: Camera, number: int, original: Path, captured_at: datetime) -> Upload:
    path = f"{camera.folder}/picture{number:06}.jpg"
    shutil.copy2(original, settings.CAMERA_ROOT / path)
    status = original.stat()
    width, height = _size(original)
    key = version_key(path, status.st_size, status.st_mtime_ns)
    return Upload(
        camera=camera, path=path, size=status.st_size, mtime_ns=status.st_mtime_ns, version_key=key,
        sha256=_sha256(original), dedup_key=key, width=width, height=height, captured_at=captured_at,
        captured_at_source=Upload.TimeSource.NAME, received_at=captured_at,
    )  # fmt: skip


@cache
def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@cache
def _size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def originals(size: tuple[int, int], count: int = 8) -> list[bytes]:
    return [picture(size, seed) for seed in range(count)]
