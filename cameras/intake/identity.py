"""Which upload a file belongs to. The content decides; name, size and time are hints that may change.

A known file that was renamed, moved, touched or sent again keeps its upload, and the upload's path follows it. A second
file with the same bytes is a duplicate. Neither is analysed again, unless the analysis failed.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import BinaryIO

from django.conf import settings
from django.db import transaction

from cameras.files.content import digest
from cameras.files.paths import OutsideTreeError
from cameras.files.tree import HardLinkedError, Tree
from cameras.intake.camera_lookup import camera_for_path
from cameras.intake.incoming_file import IncomingFile
from cameras.models import FILE_GONE_REASON, Upload
from cameras.naming import file_names
from cameras.naming.http_paths import is_http_upload
from hsi.db import sql
from hsi.queues import DETECTION_QUEUE, dead_letters

logger = logging.getLogger(__name__)

# A frozen camera sends the same bytes for days, so only its newest uploads are compared.
MAX_COMPARED = 20
ANALYSED = (Upload.State.DETECTED, Upload.State.EMPTY, Upload.State.WAITING)  # or about to be
ACTOR = "intake"  # recorded as the one who requeued a failed upload


def uploads_with_content(sha256: str) -> list[Upload]:
    """Return the newest uploads with this content. Uploads that are analysed, or will be, come first."""
    uploads = sql.select(Upload, f"sha256=%(content)s ORDER BY id DESC LIMIT {MAX_COMPARED}", {"content": sha256})
    rank = {state: place for place, state in enumerate((*ANALYSED, Upload.State.DEAD))}
    return sorted(uploads, key=lambda upload: rank.get(Upload.State(upload.state), len(rank)))


def follow_moved_file(tree: Tree, incoming: IncomingFile, same_content: list[Upload]) -> Upload | None:
    """Return the upload whose file was moved, renamed or touched and is now `incoming`. Update its path and time.

    A failed upload waits again. Return None if `incoming` is a file of its own.
    """
    upload = next((upload for upload in same_content if upload.path == incoming.path), None) or next(
        (upload for upload in same_content if _may_have_moved(incoming, upload) and _has_left(tree, upload)), None
    )
    if upload is None:
        return None
    with transaction.atomic():
        if upload.state == Upload.State.DEAD:
            requeue_failed(upload)
        _follow(upload, incoming)
    return upload


def find_original(incoming: IncomingFile, same_content: list[Upload]) -> Upload | None:
    """Return the upload that `incoming` duplicates, or None. Call it in the transaction that stores the duplicate.

    A failed original waits again. Originals that are too old release their dedupe key.
    """
    candidates = [upload for upload in same_content if upload.camera_id == incoming.camera.pk]
    if candidates:  # the original of many duplicates may not be among the newest
        parameters = {"camera": incoming.camera.pk, "content": incoming.columns["sha256"]}
        candidates = sql.select(Upload, "camera_id=%(camera)s AND dedup_key=%(content)s", parameters) + candidates
    for upload in candidates:
        if upload.state == Upload.State.DEAD and upload.duplicate_of_id is None:
            requeue_failed(upload)
            return upload
        if upload.state in ANALYSED and (_is_recent(incoming, upload) or _has_same_capture_time(incoming, upload)):
            return upload
    Upload.objects.filter(pk__in=[upload.pk for upload in candidates if upload.dedup_key]).release_dedup_key()
    return None


def requeue_failed(upload: Upload) -> bool:
    """Queue a failed upload again. Return False if another process already did."""
    if not dead_letters.retry(DETECTION_QUEUE, upload.pk, ACTOR):
        return False
    logger.info("%s has come again: upload %s waits again", upload.path, upload.pk)
    upload.state, upload.reason, upload.finished_at = Upload.State.WAITING, "", None
    return True


def is_overwritten(upload: Upload, file: BinaryIO) -> bool:
    """Return whether a file with the upload's name, size and time has different content.

    If so, record it, so that the file can have a row of its own.
    """
    if not upload.sha256 or is_http_upload(upload.path) or digest(file) == upload.sha256:
        return False
    upload.mark_overwritten()
    return True


def requeue_if_returned(upload: Upload, *, just_written: bool) -> None:
    """Queue a failed upload again if its file was gone and is back, or was sent again."""
    was_gone = upload.reason.startswith(FILE_GONE_REASON)
    if upload.state == Upload.State.DEAD and (was_gone or (just_written and not is_http_upload(upload.path))):
        requeue_failed(upload)


def _is_recent(incoming: IncomingFile, upload: Upload) -> bool:
    """Return whether the same bytes still count as a duplicate of `upload`."""
    return incoming.received_at - upload.received_at <= timedelta(seconds=settings.DEDUPE_TTL_SECONDS)


def _has_same_capture_time(incoming: IncomingFile, upload: Upload) -> bool:
    """Return whether both were taken at the same time, which makes the later one a duplicate, however late it is."""
    before, now = (file_names.parse(path.partition("/")[2]) for path in (upload.path, incoming.path))
    if before is not None or now is not None:
        return before is not None and now is not None and before.local == now.local
    return incoming.exif_time is not None or _name(upload.path) == incoming.name


def _may_have_moved(incoming: IncomingFile, upload: Upload) -> bool:
    """Return whether the upload's file may have been moved to `incoming`.

    Within a camera it may. Two cameras, or two channels of a recorder, may send the same bytes, so between them a
    moved file must have kept its name or time. A file that came over HTTP was not moved from another camera.
    """
    if upload.camera_id == incoming.owner_id:
        return True
    if is_http_upload(incoming.path):
        return False
    shares_folder = upload.path.partition("/")[0] == incoming.path.partition("/")[0]
    if shares_folder and camera_for_path(upload.path) == incoming.owner:
        return True
    return _name(upload.path) == incoming.name or upload.mtime_ns == incoming.mtime_ns


def _has_left(tree: Tree, upload: Upload) -> bool:
    """Return whether the upload's content is no longer at its path."""
    try:
        stamp = tree.stamp(upload.path)
        if stamp is None or stamp[0] != upload.size:
            return True
        if stamp[1] == upload.mtime_ns:
            return False
        with tree.open(upload.path) as file:  # touched or overwritten
            return digest(file) != upload.sha256
    except (FileNotFoundError, OutsideTreeError):
        return True
    except (OSError, HardLinkedError):
        return False


def _follow(upload: Upload, incoming: IncomingFile) -> None:
    """Update the upload's path. Raise `IntegrityError` if another row has this version already."""
    if upload.path != incoming.path:
        logger.info("%s is the moved file of upload %s, formerly %s", incoming.path, upload.pk, upload.path)
    has_thumbnail = upload.thumbnail.rpartition("/")[2].startswith(upload.sha256[:8])
    thumbnail = "" if has_thumbnail else incoming.store_thumbnail(upload.camera_id)
    upload.follow_file(incoming.path, incoming.mtime_ns, thumbnail=thumbnail)
    if incoming.copy is not None and upload.state == Upload.State.WAITING and upload.attach_copy(incoming.copy.path):
        incoming.copy = None


def _name(path: str) -> str:
    return path.rpartition("/")[2]
