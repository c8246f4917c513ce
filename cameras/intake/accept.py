"""Taking a file in: validated, hashed, a row and a job in one transaction. Nothing is decoded twice.

Order of writes: the copy in the spool where there is one, the thumbnail file, then the row with its job. A rejected
file's row comes before its move to the quarantine, and the scan repeats a move that a crash cut off.
"""

from __future__ import annotations

import enum
import logging
import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from typing import BinaryIO

from django.conf import settings
from django.db import IntegrityError, transaction

from cameras.files import quarantine, spool
from cameras.files.content import digest
from cameras.files.hard_links import HardLinkedError
from cameras.files.tree import Tree, stamp
from cameras.intake import capture_time, file_names, http_paths, identity, securing
from cameras.intake.incoming_file import Arrival
from cameras.intake.reading import read
from cameras.intake.scanner import is_understood
from cameras.media import containers, formats
from cameras.models import REPEATS, Garbage, Upload
from cameras.registry import camera_of
from cameras.serializers import camera_status
from hsi import failpoints
from hsi.db import sql
from hsi.errors import MediaError
from hsi.logs import context
from hsi.metrics import histograms
from hsi.outbox import publish
from hsi.outbox.messages import Message
from hsi.queues import DETECTION_QUEUE, get_queue

logger = logging.getLogger(__name__)

LATE_AFTER = timedelta(minutes=1)  # a file written longer ago arrived while nobody watched


class Outcome(enum.Enum):
    """What became of a file that was ready."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    KNOWN = "known"  # this picture has its row already
    INCOMPLETE = "incomplete"  # cut short or empty, and more may come
    NOT_OURS = "not ours"  # in no camera's folder, or the camera is paused
    NOT_UNDERSTOOD = "not understood"  # of a kind that is not known: it may be renamed yet


# What is counted of outcomes; what was accepted is counted by how its detection ends.
ENDED = {Outcome.DUPLICATE: Upload.State.DUPLICATE.value, Outcome.REJECTED: Upload.State.REJECTED.value}


def take_in(tree: Tree, path: str, *, final: bool, placed: bool = False, told: bool = False) -> Outcome:
    """`_take_in`, timed and counted."""
    began = time.perf_counter()
    outcome = _take_in(tree, path, final=final, placed=placed, told=told)
    if outcome is Outcome.ACCEPTED:
        histograms.stage("intake", time.perf_counter() - began)
    elif outcome in ENDED:
        histograms.count(histograms.UPLOADS, ENDED[outcome])
    return outcome


def _take_in(tree: Tree, path: str, *, final: bool, placed: bool, told: bool) -> Outcome:
    """Take in the file at `path` (text below the root).

    `final`: it will not heal by waiting. `placed`: it was moved into place, so nobody writes to it any more. `told`:
    somebody has written or moved it just now, so its name, size and time do not prove that it is what it was.
    Raises OSError when the file cannot be read now, DatabaseError when it cannot be stored now and `SpoolFullError`
    when it cannot be secured now: in all cases it stays where it is, and is tried again.
    """
    camera = camera_of(path)
    if "/" not in path or not (camera.enabled if camera is not None else settings.CAMERA_AUTO_CREATE):
        return Outcome.NOT_OURS
    if not is_understood(path):
        return Outcome.NOT_UNDERSTOOD
    try:
        file = tree.open(path)
    except HardLinkedError as error:
        return _leave(Arrival.now(camera, path, error.status_of_file, final=final))
    with file:
        arrival = Arrival.now(camera, path, os.fstat(file.fileno()), final=final)
        arrival.overwrites = securing.memory.is_reused(path)
        known = _known(arrival)
        if known is not None and _is_judged_again(known, told=told):
            known.delete()
            arrival.overwrites = not is_linked(known)
        elif known is not None and told and identity.is_overwritten(known, file):
            arrival.overwrites = True
        elif known is not None:
            quarantine.finish_move(tree, known)
            identity.came_back(known, told=told)
            return Outcome.KNOWN
        if sql.select(Garbage, "version_key=%(key)s", {"key": arrival.version_key}):
            return Outcome.KNOWN  # its row was deleted, and it is about to be
        if not (final or placed) and _may_go_on(arrival, file):
            return Outcome.INCOMPLETE
        with _secured(arrival, file) as secured:
            return Outcome.INCOMPLETE if secured is None else _judge(tree, arrival, file, secured)


def _may_go_on(arrival: Arrival, file: BinaryIO) -> bool:
    """Whether more may come without the clip saying so: only time tells that it is whole."""
    return formats.kind_of(arrival.name) == "video" and not containers.tells_its_end(file)


@contextmanager
def _secured(arrival: Arrival, file: BinaryIO) -> Iterator[BinaryIO | None]:
    """What is to be read: a copy where the file may be overwritten, else itself. None: it changed meanwhile."""
    if not securing.wants_copy(arrival.owner, arrival.path, arrival.size):
        yield file
        return
    with closing(spool.Copy(file, arrival.size)) as made:
        arrival.copy = made
        yield made.file if stamp(os.fstat(file.fileno())) == (arrival.size, arrival.mtime_ns) else None
        # Where the database failed, a row may name the copy all the same: the sweep looks.
        if arrival.copy is made:  # no row has taken it
            made.discard()


def _judge(tree: Tree, arrival: Arrival, file: BinaryIO, secured: BinaryIO) -> Outcome:
    try:
        arrival.learn(read(secured, arrival.name, final=arrival.final))
    except MediaError as error:
        if not arrival.final and isinstance(error, (formats.TruncatedError, formats.EmptyError)):
            return Outcome.INCOMPLETE
        if _changed(arrival, file):
            return Outcome.INCOMPLETE
        return _reject(tree, arrival, error)
    if secured is file and _changed(arrival, file):
        return Outcome.INCOMPLETE
    return _accept(tree, arrival)


def _changed(arrival: Arrival, file: BinaryIO) -> bool:
    """Whether somebody wrote to the file, or deleted it, while it was read. That its time was set is no change."""
    status = os.fstat(file.fileno())
    size, mtime_ns = stamp(status)
    if status.st_nlink == 0 or size != arrival.size:
        return True
    if mtime_ns != arrival.mtime_ns:
        if digest(file) != arrival.facts.get("sha256"):
            return True
        arrival.mtime_ns = mtime_ns
    return False


def _known(arrival: Arrival) -> Upload | None:
    """This version's row, where there is one."""
    found = sql.select(Upload, "version_key=%(key)s", {"key": arrival.version_key})
    return found[0] if found else None


def _accept(tree: Tree, arrival: Arrival) -> Outcome:
    """Write the row and queue it, or let a row that the same picture has follow it."""
    for _ in range(3):
        try:
            same = identity.same_content(arrival.facts["sha256"])
            if identity.followed(tree, arrival, same) is not None:
                return Outcome.KNOWN
            if "thumbnail" not in arrival.facts:
                arrival.facts["thumbnail"] = arrival.store_thumbnail(arrival.camera.pk)
                failpoints.reach("thumbnail-written")
            with transaction.atomic():
                upload = _write(arrival, same)
            return _told(arrival, upload)
        except IntegrityError:
            # Another watcher was quicker: the same version, or the same bytes under another name.
            if _known(arrival) is not None:
                return Outcome.KNOWN
    raise IntegrityError(f"{arrival.path}: neither stored nor known")


def _told(arrival: Arrival, upload: Upload) -> Outcome:
    """Say what became of a file whose row is committed."""
    if upload.spool:
        arrival.copy = None
    securing.memory.taken(arrival.camera, upload.path, upload.sha256)
    with context.also(camera=upload.camera_id, upload=upload.pk):
        if upload.duplicate_of_id is not None:
            logger.info("%s repeats upload %s", upload.path, upload.duplicate_of_id)
            return Outcome.DUPLICATE
        logger.info("%s taken in, %s bytes", upload.path, upload.size)
        return Outcome.ACCEPTED


def _write(arrival: Arrival, same: list[Upload]) -> Upload:
    original = identity.original(arrival, same)
    upload = _row(arrival)
    if original is not None:
        upload.state, upload.finished_at = Upload.State.DUPLICATE, arrival.received_at
        upload.duplicate_of_id, upload.reason = original.pk, REPEATS
        upload.save(force_insert=True)
        return upload
    upload.dedupe_key = upload.sha256
    upload.spool = arrival.copy.path if arrival.copy is not None else ""
    upload.save(force_insert=True)
    failpoints.reach_after_commit("upload-committed")
    get_queue(DETECTION_QUEUE).put(upload.pk)
    capture_time.note(arrival.camera, arrival.clock_off)
    silent_since = arrival.camera.silent_since
    was_silent = arrival.camera.spoke()
    publish.publish(
        Message("camera.status", upload.camera_id, camera_status(upload, silent_since if was_silent else None))
    )
    return upload


def _row(arrival: Arrival) -> Upload:
    moment = captured(arrival)
    arrival.clock_off = moment.clock_off
    return Upload(
        camera=arrival.camera, path=arrival.path, size=arrival.size, mtime_ns=arrival.mtime_ns,
        version_key=arrival.version_key, received_at=arrival.received_at, captured_at=moment.captured_at,
        captured_at_source=moment.source, clock_skew=moment.skewed, named_ahead_seconds=moment.ahead_seconds,
        **arrival.facts,
    )  # fmt: skip


def captured(arrival: Arrival) -> capture_time.Moment:
    """When the picture was taken: from its name, else from EXIF, else from when it arrived; see `capture_time`."""
    below = arrival.path.partition("/")[2]
    named, Source = file_names.parse(below), Upload.TimeSource  # noqa: N806
    local, source = (named.local, Source.NAME) if named else (arrival.exif_time, Source.EXIF)
    arrived_at, arrived_by = arrival_time(arrival)
    length = timedelta(seconds=arrival.facts.get("duration_seconds") or 0)
    just_closed = arrival.received_at - capture_time.from_epoch_ns(arrival.changed_ns) <= LATE_AFTER
    clues = capture_time.Clues(local, source, arrived_at, arrived_by, length, http_paths.is_told(arrival.path))
    return capture_time.determine(arrival.camera, clues, arrival.received_at if just_closed else None)


def arrival_time(arrival: Arrival) -> tuple[datetime, Upload.TimeSource]:
    """Now, or for a file that lay there before we came, when it was last written; that only where it is believable."""
    written = capture_time.from_epoch_ns(arrival.mtime_ns)
    age = arrival.received_at - written
    if LATE_AFTER < age < file_names.MAX_PAST:
        return written, Upload.TimeSource.MTIME
    return arrival.received_at, Upload.TimeSource.ARRIVAL


def _leave(arrival: Arrival) -> Outcome:
    """A file with a second name is refused, unread, and stays. Its row goes when it has one name again."""
    if _known(arrival) is not None:
        return Outcome.KNOWN
    if not arrival.final:  # a writer that renames by linking is about to remove the other name
        return Outcome.INCOMPLETE
    return Outcome.REJECTED if _write_rejected(arrival, formats.LinkedError()) else Outcome.KNOWN


def is_linked(known: Upload) -> bool:
    return known.reason.startswith(f"{formats.LinkedError.reason}:")


def _is_judged_again(known: Upload, *, told: bool) -> bool:
    """Whether a refused file that was left where it is may be another one by now, or has one name again."""
    return known.state == Upload.State.REJECTED and not known.quarantine and (told or is_linked(known))


def _reject(tree: Tree, arrival: Arrival, error: MediaError) -> Outcome:
    """The row first, then the move: a crash between leaves a row whose file the next scan moves.

    A file that was written over one that was taken in stays: its writer uses this very file, now and again.
    """
    upload = _write_rejected(arrival, error, "" if arrival.overwrites else quarantine.path_for(arrival))
    if upload is None:
        return Outcome.KNOWN
    if arrival.overwrites:
        return Outcome.REJECTED
    failpoints.reach("rejection-written")
    quarantine.move(tree, upload)
    return Outcome.REJECTED


def _write_rejected(arrival: Arrival, error: MediaError, place: str = "") -> Upload | None:
    """The row of a rejected file, and where it goes, if it does. None: another watcher was quicker."""
    upload = _row(arrival)
    upload.kind = Upload.Kind.VIDEO if formats.kind_of(arrival.name) == "video" else Upload.Kind.IMAGE
    upload.state, upload.finished_at = Upload.State.REJECTED, arrival.received_at
    upload.reason, upload.quarantine = reason_of(error), place
    try:
        with transaction.atomic():
            upload.save(force_insert=True)
    except IntegrityError:
        return None
    with context.also(camera=upload.camera_id, upload=upload.pk):
        logger.warning("%s rejected: %s", arrival.path, error.detail)
    return upload


def reason_of(error: MediaError) -> str:
    """Why a file is refused: a stable word, and what was said."""
    return f"{getattr(error, 'reason', 'broken')}: {error.detail}"[:300]
