"""Taking a file in: validated, hashed, a row and a job in one transaction. Nothing is decoded twice.

Order of writes: the thumbnail file, then the row with its job. A rejected file's row comes before
its move to the quarantine, and the scan repeats a move that a crash cut off.
"""

from __future__ import annotations

import enum
import logging
import os
import re
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from cameras import clocks, layouts, media
from cameras.linked import HardLinkedError
from cameras.models import Camera, Garbage, Upload, from_epoch_ns, version_key
from cameras.reading import Found, read, store_thumbnail
from cameras.registry import camera_of
from cameras.serializers import camera_status
from cameras.tree import Tree
from hsi import crashpoint, logcontext, rows, samples, stream
from hsi.errors import HSIError, MediaError
from hsi.queues import DETECTION_QUEUE, get_queue

logger = logging.getLogger(__name__)


LATE_AFTER = timedelta(minutes=1)  # a file written longer ago arrived while nobody watched


class Outcome(enum.Enum):
    """What became of a file that was ready."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    KNOWN = "known"  # this version has its row already
    INCOMPLETE = "incomplete"  # cut short or empty, and more may come
    NOT_OURS = "not ours"  # in no camera's folder, or the camera is paused


@dataclass(slots=True)
class Arrival:
    """One file on its way in."""

    camera: Camera
    path: str
    size: int
    mtime_ns: int
    received_at: datetime
    final: bool  # it will not heal by waiting
    changed_ns: int = 0  # by the clock of this machine, whatever time its writer gave it
    facts: dict[str, Any] = field(default_factory=dict)  # columns of the upload, as they become known
    thumbnail: bytes = b""
    exif_time: datetime | None = None
    clock_off: timedelta | None = None  # see `clocks.Moment`

    def learn(self, found: Found) -> None:
        self.facts |= found.facts
        self.thumbnail, self.exif_time = found.thumbnail, found.exif_time

    @property
    def version_key(self) -> str:
        return version_key(self.path, self.size, self.mtime_ns)

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


# What is counted of outcomes; what was accepted is counted by how its detection ends.
ENDED = {Outcome.DUPLICATE: Upload.State.DUPLICATE.value, Outcome.REJECTED: Upload.State.REJECTED.value}


def take_in(tree: Tree, path: str, *, final: bool) -> Outcome:
    """`_take_in`, timed and counted."""
    began = time.perf_counter()
    outcome = _take_in(tree, path, final=final)
    if outcome is Outcome.ACCEPTED:
        samples.stage("intake", time.perf_counter() - began)
    elif outcome in ENDED:
        samples.count(samples.UPLOADS, ENDED[outcome])
    return outcome


def _take_in(tree: Tree, path: str, *, final: bool) -> Outcome:
    """Take in the file at `path` (text below the root). `final`: it will not heal by waiting.

    Raises OSError when the file cannot be read now and DatabaseError when it cannot be stored now:
    in both cases it stays where it is, and is tried again.
    """
    camera = camera_of(path)
    if camera is None or not camera.enabled:
        return Outcome.NOT_OURS
    try:
        file = tree.open(path)
    except HardLinkedError as error:
        return _leave(_arrival(camera, path, error.status_of_file, final=final))
    with file:
        arrival = _arrival(camera, path, os.fstat(file.fileno()), final=final)
        if (known := _known(arrival)) is not None:
            if not _was_left(known):
                return _finish_move(tree, known)
            known.delete()  # it has one name again
        if rows.select(Garbage, "version_key=%(key)s", {"key": arrival.version_key}):
            return Outcome.KNOWN  # its row was deleted, and it is about to be
        try:
            arrival.learn(read(file, arrival.name, final=final))
        except MediaError as error:
            if not final and isinstance(error, (media.TruncatedError, media.EmptyError)):
                return Outcome.INCOMPLETE
            if _changed(file, arrival):
                return Outcome.INCOMPLETE
            return _reject(tree, arrival, error)
        if _changed(file, arrival):
            return Outcome.INCOMPLETE
    return _accept(arrival)


def _arrival(camera: Camera, path: str, status: os.stat_result, *, final: bool) -> Arrival:
    return Arrival(camera, path, status.st_size, status.st_mtime_ns, timezone.now(), final, status.st_ctime_ns)


def _changed(file: BinaryIO, arrival: Arrival) -> bool:
    """Whether somebody wrote to the file, or deleted it, while it was read."""
    status = os.fstat(file.fileno())
    return status.st_nlink == 0 or (status.st_size, status.st_mtime_ns) != (arrival.size, arrival.mtime_ns)


def _known(arrival: Arrival) -> Upload | None:
    """This version's row, where there is one."""
    condition = "version_key=%(key)s AND camera_id=%(camera)s"
    found = rows.select(Upload, condition, {"key": arrival.version_key, "camera": arrival.camera.pk})
    return found[0] if found else None


def _accept(arrival: Arrival) -> Outcome:
    """Write the row and queue it; a repeat of the same bytes is a duplicate of the first."""
    arrival.facts["thumbnail"] = store_thumbnail(arrival.camera.pk, arrival.version_key, arrival.thumbnail)
    crashpoint.reach("thumbnail-written")
    for _ in range(3):
        try:
            with transaction.atomic():
                upload = _write(arrival)
            return _told(upload)
        except IntegrityError:
            # Another watcher was quicker: the same version, or the same bytes under another name.
            if _known(arrival) is not None:
                return Outcome.KNOWN
    raise IntegrityError(f"{arrival.path}: neither stored nor known")


def _told(upload: Upload) -> Outcome:
    """Say what became of a file whose row is committed."""
    with logcontext.also(camera=upload.camera_id, upload=upload.pk):
        if upload.duplicate_of_id is not None:
            logger.info("%s repeats upload %s", upload.path, upload.duplicate_of_id)
            return Outcome.DUPLICATE
        logger.info("%s taken in, %s bytes", upload.path, upload.size)
        return Outcome.ACCEPTED


def _write(arrival: Arrival) -> Upload:
    original = _original(arrival)
    upload = _row(arrival)
    if original is not None:
        upload.state, upload.finished_at = Upload.State.DUPLICATE, arrival.received_at
        upload.duplicate_of_id, upload.reason = original, "the same bytes came before"
        upload.save(force_insert=True)
        return upload
    upload.dedupe_key = upload.sha256
    upload.save(force_insert=True)
    crashpoint.reach_after_commit("upload-committed")
    get_queue(DETECTION_QUEUE).put(upload.pk)
    clocks.note(arrival.camera, arrival.clock_off)
    silent_since = arrival.camera.silent_since
    was_silent = arrival.camera.spoke()
    stream.publish(("camera.status", upload.camera_id, camera_status(upload, silent_since if was_silent else None)))
    return upload


def _original(arrival: Arrival) -> int | None:
    """The id of the upload that this one repeats. One that is too old to count gives up its claim."""
    condition = "camera_id=%(camera)s AND dedupe_key=%(bytes)s"
    for same in rows.select(Upload, condition, {"camera": arrival.camera.pk, "bytes": arrival.facts["sha256"]}):
        if arrival.received_at - same.received_at <= timedelta(seconds=settings.DEDUPE_TTL_SECONDS):
            return same.pk
        Upload.objects.filter(pk=same.pk).update(dedupe_key=None)
    return None


def _row(arrival: Arrival) -> Upload:
    moment = captured(arrival)
    arrival.clock_off = moment.clock_off
    return Upload(
        camera=arrival.camera, path=arrival.path, size=arrival.size, mtime_ns=arrival.mtime_ns,
        version_key=arrival.version_key, received_at=arrival.received_at, captured_at=moment.captured_at,
        captured_at_source=moment.source, clock_skew=moment.skewed, named_ahead_seconds=moment.ahead_seconds,
        **arrival.facts,
    )  # fmt: skip


def captured(arrival: Arrival) -> clocks.Moment:
    """When the picture was taken: from its name, else from EXIF, else from when it arrived; see `cameras.clocks`."""
    below = arrival.path.partition("/")[2]
    named, Source = layouts.parse(below), Upload.TimeSource  # noqa: N806
    local, source = (named.local, Source.NAME) if named else (arrival.exif_time, Source.EXIF)
    arrived_at, arrived_by = arrival_time(arrival)
    length = timedelta(seconds=arrival.facts.get("duration_seconds") or 0)
    just_closed = arrival.received_at - from_epoch_ns(arrival.changed_ns) <= LATE_AFTER
    clues = clocks.Clues(local, source, arrived_at, arrived_by, length, layouts.is_told(below))
    return clocks.determine(arrival.camera, clues, arrival.received_at if just_closed else None)


def arrival_time(arrival: Arrival) -> tuple[datetime, Upload.TimeSource]:
    """Now, or for a file that lay there before we came, when it was last written; that only where it is believable."""
    written = from_epoch_ns(arrival.mtime_ns)
    age = arrival.received_at - written
    if LATE_AFTER < age < layouts.MAX_PAST:
        return written, Upload.TimeSource.MTIME
    return arrival.received_at, Upload.TimeSource.ARRIVAL


def _leave(arrival: Arrival) -> Outcome:
    """A file with a second name is refused, unread, and stays. Its row goes when it has one name again."""
    if _known(arrival) is not None:
        return Outcome.KNOWN
    if not arrival.final:  # a writer that renames by linking is about to remove the other name
        return Outcome.INCOMPLETE
    return Outcome.REJECTED if _write_rejected(arrival, media.LinkedError()) else Outcome.KNOWN


def _was_left(known: Upload) -> bool:
    return known.state == Upload.State.REJECTED and known.reason.startswith(f"{media.LinkedError.reason}:")


def _reject(tree: Tree, arrival: Arrival, error: MediaError) -> Outcome:
    """The row first, then the move: a crash between leaves a row whose file the next scan moves."""
    suffix = re.sub(r"[^A-Za-z0-9.]+", "_", arrival.name)[-80:]
    quarantine = f"quarantine/{arrival.camera.pk}/{arrival.version_key[:16]}-{suffix}"
    upload = _write_rejected(arrival, error, quarantine)
    if upload is None:
        return Outcome.KNOWN
    crashpoint.reach("rejection-written")
    move_to_quarantine(tree, upload)
    return Outcome.REJECTED


def _write_rejected(arrival: Arrival, error: MediaError, quarantine: str = "") -> Upload | None:
    """The row of a rejected file. None: another watcher was quicker."""
    upload = _row(arrival)
    upload.kind = Upload.Kind.VIDEO if media.kind_of(arrival.name) == "video" else Upload.Kind.IMAGE
    upload.state, upload.finished_at = Upload.State.REJECTED, arrival.received_at
    upload.reason = f"{getattr(error, 'reason', 'broken')}: {error.detail}"[:300]
    upload.quarantine = quarantine
    try:
        with transaction.atomic():
            upload.save(force_insert=True)
    except IntegrityError:
        return None
    with logcontext.also(camera=upload.camera_id, upload=upload.pk):
        logger.warning("%s rejected: %s", arrival.path, error.detail)
    return upload


def move_to_quarantine(tree: Tree, upload: Upload) -> None:
    """Move a rejected file away. Where that fails it stays, rejected all the same, until the next scan."""
    destination: Path = settings.DATA_DIR / upload.quarantine
    if tree.stamp(upload.path) != (upload.size, upload.mtime_ns):
        return  # written again meanwhile: that is another version, with a row of its own
    try:
        tree.move(upload.path, destination)
    except (OSError, HSIError) as error:
        logger.warning("%s stays in its folder, it could not be moved to the quarantine: %s", upload.path, error)


def _finish_move(tree: Tree, known: Upload) -> Outcome:
    if known.state == Upload.State.REJECTED:
        move_to_quarantine(tree, known)
    return Outcome.KNOWN
