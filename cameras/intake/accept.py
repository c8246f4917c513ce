"""Accept a file: validate it, hash it, and write its row and its detection job in one transaction.

Order of writes: the copy in the spool if there is one, the thumbnail, then the row with its job. The row of a rejected
file is written before the file is moved to the quarantine. After a crash in between, the next scan moves the file.
"""

from __future__ import annotations

import enum
import logging
import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import BinaryIO

from django.conf import settings
from django.db import IntegrityError, transaction

from cameras.files import quarantine
from cameras.files.content import digest
from cameras.files.spool import SpoolCopy
from cameras.files.tree import HardLinkedError, Tree
from cameras.files.walk import stamp
from cameras.intake import capture_time, identity, spooling
from cameras.intake.camera_lookup import camera_for_path
from cameras.intake.capture_time import CaptureTime
from cameras.intake.incoming_file import IncomingFile
from cameras.intake.scanner import is_supported
from cameras.media import containers, formats
from cameras.models import DUPLICATE_REASON, Garbage, Upload
from cameras.serializers import online_status_data
from hsi import failpoints
from hsi.db import sql
from hsi.errors import MediaError
from hsi.logs import context
from hsi.metrics import histograms
from hsi.outbox import publish
from hsi.outbox.messages import CameraId, Message
from hsi.queues import DETECTION_QUEUE, get_queue

logger = logging.getLogger(__name__)

MAX_STORE_ATTEMPTS = 3


class IntakeResult(enum.Enum):
    """The result of accepting a file."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    KNOWN = "known"  # the file has a row already
    INCOMPLETE = "incomplete"  # truncated or empty, and more may come
    NOT_OURS = "not ours"  # in no camera's folder, or the camera is paused
    UNSUPPORTED = "unsupported"  # not named like a picture or a clip; the writer may still rename it


# Results that are counted here. Accepted files are counted when their detection ends.
COUNTED_RESULTS = {
    IntakeResult.DUPLICATE: Upload.State.DUPLICATE.value,
    IntakeResult.REJECTED: Upload.State.REJECTED.value,
}


def accept_file(
    tree: Tree, path: str, *, final: bool, placed: bool = False, just_written: bool = False
) -> IntakeResult:
    """Accept the file at `path` (path text below the root), and measure how long it takes.

    `final`: waiting will not complete the file. `placed`: it was moved into place, so its writer is done.
    `just_written`: a file event reported a write or a move, so an unchanged name, size and time prove nothing.

    Raise `OSError` if the file cannot be read now, `DatabaseError` if it cannot be stored now, and `SpoolFullError` if
    it cannot be copied now. The file then stays in its folder and is tried again.
    """
    started_at = time.perf_counter()
    result = _accept(tree, path, final=final, placed=placed, just_written=just_written)
    if result is IntakeResult.ACCEPTED:
        histograms.stage("intake", time.perf_counter() - started_at)
    elif result in COUNTED_RESULTS:
        histograms.count(histograms.UPLOADS, COUNTED_RESULTS[result])
    return result


def _accept(tree: Tree, path: str, *, final: bool, placed: bool, just_written: bool) -> IntakeResult:
    camera = camera_for_path(path)
    if "/" not in path or not (camera.enabled if camera is not None else settings.CAMERA_AUTO_CREATE):
        return IntakeResult.NOT_OURS
    if not is_supported(path):
        return IntakeResult.UNSUPPORTED
    try:
        file = tree.open(path)
    except HardLinkedError as error:
        return _reject_hard_link(IncomingFile.from_status(camera, path, error.status_of_file, final=final))
    with file:
        incoming = IncomingFile.from_status(camera, path, os.fstat(file.fileno()), final=final)
        if _is_known(tree, incoming, file, just_written=just_written):
            return IntakeResult.KNOWN
        if not (final or placed) and _may_still_grow(incoming, file):
            return IntakeResult.INCOMPLETE
        with _protected_source(incoming, file) as source:
            if source is None:
                return IntakeResult.INCOMPLETE
            try:
                incoming.inspect(source)
            except MediaError as error:
                may_be_completed = not final and isinstance(error, (formats.TruncatedError, formats.EmptyError))
                if may_be_completed or _has_changed(incoming, file):
                    return IntakeResult.INCOMPLETE
                return _reject(tree, incoming, error)
            if source is file and _has_changed(incoming, file):
                return IntakeResult.INCOMPLETE
            return _store(tree, incoming)


def _is_known(tree: Tree, incoming: IncomingFile, file: BinaryIO, *, just_written: bool) -> bool:
    """Return whether this version of the file has a row, or had one and is about to be deleted.

    Set `incoming.replaces_accepted` if a file with this name was accepted before.
    """
    incoming.replaces_accepted = spooling.recent_paths.contains(incoming.path)
    upload = _existing_row(incoming)
    if upload is not None and _deserves_retry(upload, just_written=just_written):
        upload.delete()
        incoming.replaces_accepted = not has_hard_link(upload)
    elif upload is not None and just_written and identity.is_overwritten(upload, file):
        incoming.replaces_accepted = True
    elif upload is not None:
        quarantine.move_if_pending(tree, upload)
        identity.requeue_if_returned(upload, just_written=just_written)
        return True
    return bool(sql.select(Garbage, "version_key=%(key)s", {"key": incoming.version_key}))


def _existing_row(incoming: IncomingFile) -> Upload | None:
    return next(iter(sql.select(Upload, "version_key=%(key)s", {"key": incoming.version_key})), None)


def _deserves_retry(upload: Upload, *, just_written: bool) -> bool:
    """Return whether a rejected file in its folder may be another file now, or may have lost its second name."""
    is_in_place = upload.state == Upload.State.REJECTED and not upload.quarantine
    return is_in_place and (just_written or has_hard_link(upload))


def has_hard_link(upload: Upload) -> bool:
    """Return whether the upload was rejected because its file had a second name."""
    return upload.reason.startswith(f"{formats.HardLinkError.reason}:")


def _may_still_grow(incoming: IncomingFile, file: BinaryIO) -> bool:
    """Return whether this is a clip that does not declare its length, so that only time shows that it is complete."""
    return formats.kind_from_name(incoming.name) == "video" and not containers.declares_length(file)


@contextmanager
def _protected_source(incoming: IncomingFile, file: BinaryIO) -> Iterator[BinaryIO | None]:
    """Yield what to read: a copy if the camera may overwrite the file, else the file. None: it changed meanwhile."""
    if not spooling.needs_copy(incoming.owner, incoming.path, incoming.size):
        yield file
        return
    with closing(SpoolCopy(file, incoming.size)) as copy:
        incoming.copy = copy
        yield copy.file if stamp(os.fstat(file.fileno())) == (incoming.size, incoming.mtime_ns) else None
        # After a database error, a row may name the copy nevertheless. The sweep of the spool checks that.
        if incoming.copy is copy:  # no row has taken it
            copy.discard()


def _has_changed(incoming: IncomingFile, file: BinaryIO) -> bool:
    """Return whether the file was written or deleted while it was read. A changed time alone is no change."""
    status = os.fstat(file.fileno())
    size, mtime_ns = stamp(status)
    if status.st_nlink == 0 or size != incoming.size:
        return True
    if mtime_ns != incoming.mtime_ns:
        if digest(file) != incoming.sha256:
            return True
        incoming.mtime_ns = mtime_ns
    return False


def _store(tree: Tree, incoming: IncomingFile) -> IntakeResult:
    """Write the row and its job, or update the row of a moved file."""
    for _ in range(MAX_STORE_ATTEMPTS):
        try:
            same_content = identity.uploads_with_content(incoming.columns["sha256"])
            if identity.follow_moved_file(tree, incoming, same_content) is not None:
                return IntakeResult.KNOWN
            if "thumbnail" not in incoming.columns:
                incoming.columns["thumbnail"] = incoming.store_thumbnail(incoming.camera.pk)
                failpoints.reach("thumbnail-written")
            with transaction.atomic():
                upload = _insert(incoming, same_content)
        except IntegrityError:
            # Another watcher was faster: the same version, or the same bytes under another name.
            if _existing_row(incoming) is not None:
                return IntakeResult.KNOWN
        else:
            return _report_stored(incoming, upload)
    raise IntegrityError(f"{incoming.path}: neither stored nor known")


def _insert(incoming: IncomingFile, same_content: list[Upload]) -> Upload:
    """Write the row, and for a new picture its job and the camera's status."""
    original = identity.find_original(incoming, same_content)
    captured = capture_time.determine_for(incoming)
    upload = _new_row(incoming, captured)
    if original is not None:
        upload.state, upload.finished_at = Upload.State.DUPLICATE, incoming.received_at
        upload.duplicate_of_id, upload.reason = original.pk, DUPLICATE_REASON
        upload.save(force_insert=True)
        return upload
    upload.dedup_key = upload.sha256
    upload.spool = incoming.copy.path if incoming.copy is not None else ""
    upload.save(force_insert=True)
    failpoints.reach_after_commit("upload-committed")
    get_queue(DETECTION_QUEUE).put(upload.pk)
    capture_time.record_clock_offset(incoming.camera, captured.clock_offset)
    offline_since = incoming.camera.offline_since
    was_offline = incoming.camera.mark_online()
    status = online_status_data(upload, offline_since if was_offline else None)
    publish.publish(Message("camera.status", CameraId(upload.camera_id), status))
    return upload


def _new_row(incoming: IncomingFile, captured: CaptureTime) -> Upload:
    return Upload(
        camera=incoming.camera, path=incoming.path, size=incoming.size, mtime_ns=incoming.mtime_ns,
        version_key=incoming.version_key, received_at=incoming.received_at, captured_at=captured.captured_at,
        captured_at_source=captured.source, clock_skew=captured.clock_is_wrong,
        named_ahead_seconds=captured.ahead_seconds, **incoming.columns,
    )  # fmt: skip


def _report_stored(incoming: IncomingFile, upload: Upload) -> IntakeResult:
    """Log the result of a file whose row is committed."""
    if upload.spool:
        incoming.copy = None
    spooling.recent_paths.add(incoming.camera, upload.path, upload.sha256)
    with context.also(camera=upload.camera_id, upload=upload.pk):
        if upload.duplicate_of_id is not None:
            logger.info("%s is a duplicate of upload %s", upload.path, upload.duplicate_of_id)
            return IntakeResult.DUPLICATE
        logger.info("%s accepted, %s bytes", upload.path, upload.size)
        return IntakeResult.ACCEPTED


def _reject_hard_link(incoming: IncomingFile) -> IntakeResult:
    """Reject a file with a second name, without reading or moving it. The row goes when the second name is gone."""
    if _existing_row(incoming) is not None:
        return IntakeResult.KNOWN
    if not incoming.final:  # a writer that renames by linking is about to delete the other name
        return IntakeResult.INCOMPLETE
    upload = _insert_rejected(incoming, formats.HardLinkError(), is_moved=False)
    return IntakeResult.KNOWN if upload is None else IntakeResult.REJECTED


def _reject(tree: Tree, incoming: IncomingFile, error: MediaError) -> IntakeResult:
    """Write the row of a rejected file, then move the file to the quarantine.

    A file that replaced an accepted one stays in its folder, because its writer keeps using this file.
    """
    upload = _insert_rejected(incoming, error, is_moved=not incoming.replaces_accepted)
    if upload is None:
        return IntakeResult.KNOWN
    if upload.quarantine:
        failpoints.reach("rejection-written")
        quarantine.move(tree, upload)
    return IntakeResult.REJECTED


def _insert_rejected(incoming: IncomingFile, error: MediaError, *, is_moved: bool) -> Upload | None:
    """Write the row of a rejected file. Return None if another watcher was faster."""
    upload = _new_row(incoming, capture_time.determine_for(incoming))
    is_clip = formats.kind_from_name(incoming.name) == "video"
    upload.kind = Upload.Kind.VIDEO if is_clip else Upload.Kind.IMAGE
    upload.state, upload.finished_at = Upload.State.REJECTED, incoming.received_at
    upload.reason = rejection_reason(error)
    upload.quarantine = quarantine.path_for(upload) if is_moved else ""
    try:
        with transaction.atomic():
            upload.save(force_insert=True)
    except IntegrityError:
        return None
    with context.also(camera=upload.camera_id, upload=upload.pk):
        logger.warning("%s rejected: %s", incoming.path, error.detail)
    return upload


def rejection_reason(error: MediaError) -> str:
    """Return a stable word for the kind of error, followed by its detail."""
    return f"{getattr(error, 'reason', 'broken')}: {error.detail}"[:300]
