"""Thousands of files at once in many folders, as after a night without network: none is lost, none taken in half.

A third of the files is written at once, a third beside its name and then renamed into place, and a
third in pieces between which others are written; half of the folders appear during the burst.
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from PIL import Image

from cameras.models import Upload
from hsi.queues import DETECTION_QUEUE, get_queue
from tests.bench.figure import Figure
from tests.bench.watching import watcher

FILES, FOLDERS = 6000, 64
OPEN_AT_ONCE = 48
# On a busy machine the system drops events. A file that was read half-written then waits FILE_INCOMPLETE_SECONDS (30).
PATIENCE_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """`lost`: no row or no job. `partial`: a row of other bytes than the file's, or more than one row."""

    files: int
    lost: int
    partial: int
    seconds: float


def figures() -> Iterator[Figure]:
    """Files lost and taken in half, and files a second."""
    outcome = burst(settings.CAMERA_ROOT, picture((320, 180)))
    yield Figure(f"burst of {FILES} files in {FOLDERS} folders, lost", outcome.lost, "files", at_most=0)
    yield Figure(f"burst of {FILES} files in {FOLDERS} folders, partial", outcome.partial, "files", at_most=0)
    yield Figure("burst, written to queued", outcome.files / outcome.seconds, "files/s", at_least=50)


def picture(size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise(size, 40).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def burst(root: Path, still: bytes) -> Outcome:
    """Write the files under the eyes of a real watcher, take every job there is, compare rows and files."""
    for number in range(0, FOLDERS, 2):
        (root / f"camera{number}").mkdir(parents=True)
    with watcher():
        began = time.monotonic()
        written = write(root, still)
        queued = take_all(len(written))
        seconds = time.monotonic() - began
    return judged(written, queued, seconds)


def write(root: Path, still: bytes) -> dict[str, str]:
    """All files; the SHA-256 of each, by its path below the root."""
    written: dict[str, str] = {}
    open_files: list[tuple[io.FileIO, bytes]] = []
    for number in range(FILES):
        content = still + number.to_bytes(4, "big")  # what follows the end marker is no part of the picture
        path = root / f"camera{number % FOLDERS}" / f"day{number // FOLDERS % 3}" / f"Schedule_{number:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        written[str(path.relative_to(root))] = hashlib.sha256(content).hexdigest()
        if number % 3 == 0:
            path.write_bytes(content)
        elif number % 3 == 1:
            aside = path.with_suffix(".jpg.tmp")
            aside.write_bytes(content)
            aside.rename(path)
        else:
            half = len(content) // 2
            file = io.FileIO(path, "w")
            file.write(content[:half])
            open_files.append((file, content[half:]))
        if len(open_files) == OPEN_AT_ONCE:
            finish(open_files)
    finish(open_files)
    return written


def finish(open_files: list[tuple[io.FileIO, bytes]]) -> None:
    for file, rest in open_files:
        file.write(rest)
        file.close()
    open_files.clear()


def take_all(expected: int) -> set[int]:
    """The rows that were queued, until all are or nothing more comes."""
    queue, taken = get_queue(DETECTION_QUEUE), set[int]()
    while len(taken) < expected:
        jobs = queue.take(500, wait_seconds=PATIENCE_SECONDS, lease_seconds=600)
        if not jobs:
            break
        taken.update(job.row_id for job in jobs)
    return taken


def judged(written: dict[str, str], queued: set[int], seconds: float) -> Outcome:
    rows = list(Upload.objects.values_list("pk", "path", "sha256", "state"))
    whole = {
        path
        for pk, path, digest, state in rows
        if pk in queued and state == Upload.State.WAITING and written.get(path) == digest
    }
    partial = (
        sum(written.get(path) != digest for _, path, digest, _ in rows) + len(rows) - len({row[1] for row in rows})
    )
    return Outcome(len(written), len(written.keys() - whole), partial, seconds)
