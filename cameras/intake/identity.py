"""Which picture a file is: the content decides. Name, size and time are hints that change.

A file whose content is known is the same picture where it was renamed, moved, touched or sent again: its upload
follows it. A repeat beside the first one is a duplicate. Neither is analysed again, unless the first never was.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import BinaryIO

from django.conf import settings
from django.db import transaction

from cameras.files import spool
from cameras.files.content import digest
from cameras.files.hard_links import HardLinkedError
from cameras.files.tree import OutsideTreeError, Tree
from cameras.intake import file_names
from cameras.intake.http_paths import is_own
from cameras.intake.incoming_file import Arrival
from cameras.models import GONE, Upload, version_key
from cameras.registry import camera_of
from hsi.db import sql
from hsi.queues import DETECTION_QUEUE, dead_letters

logger = logging.getLogger(__name__)

# A camera that is frozen sends the same bytes for days: only the newest of its uploads are compared.
MOST_COMPARED = 20
ANALYSED = (Upload.State.DETECTED, Upload.State.EMPTY, Upload.State.WAITING)  # or will be
BY = "intake"  # who has a failed upload tried again


def same_content(sha256: str) -> list[Upload]:
    """The newest uploads of this content, those that were or will be analysed first."""
    found = sql.select(Upload, f"sha256=%(content)s ORDER BY id DESC LIMIT {MOST_COMPARED}", {"content": sha256})
    rank = {state: place for place, state in enumerate((*ANALYSED, Upload.State.DEAD))}
    return sorted(found, key=lambda upload: rank.get(Upload.State(upload.state), len(rank)))


def followed(tree: Tree, arrival: Arrival, same: list[Upload]) -> Upload | None:
    """The upload whose file this is under another name or with another time. It has followed the file.

    One that failed waits again.
    """
    found = next((upload for upload in same if upload.path == arrival.path), None) or next(
        (upload for upload in same if _may_be_of(arrival, upload) and _has_left(tree, upload)), None
    )
    if found is None:
        return None
    with transaction.atomic():
        if found.state == Upload.State.DEAD:
            try_again(found)
        _follow(found, arrival)
    return found


def original(arrival: Arrival, same: list[Upload]) -> Upload | None:
    """The upload that this file repeats; one that failed waits again. One that is too old gives up its claim.

    Asked in the transaction that stores the repeat.
    """
    mine = [upload for upload in same if upload.camera_id == arrival.camera.pk]
    if mine:  # the first of many repeats may not be among the newest
        claim = {"camera": arrival.camera.pk, "content": arrival.facts["sha256"]}
        mine = sql.select(Upload, "camera_id=%(camera)s AND dedupe_key=%(content)s", claim) + mine
    for upload in mine:
        if upload.state == Upload.State.DEAD and upload.duplicate_of_id is None:
            try_again(upload)
            return upload
        if upload.state in ANALYSED and (_counts(arrival, upload) or _is_same_moment(arrival, upload)):
            return upload
    Upload.objects.filter(pk__in=[upload.pk for upload in mine if upload.dedupe_key]).update(dedupe_key=None)
    return None


def try_again(upload: Upload) -> bool:
    """Have a failed upload wait again. False: somebody else was quicker."""
    if not dead_letters.retry(DETECTION_QUEUE, upload.pk, BY):
        return False
    logger.info("%s is here again: upload %s waits again", upload.path, upload.pk)
    upload.state, upload.reason, upload.finished_at = Upload.State.WAITING, "", None
    return True


def is_overwritten(upload: Upload, file: BinaryIO) -> bool:
    """Whether a file with the name, size and time of `upload` has another content. Then the upload gives them up."""
    if not upload.sha256 or is_own(upload.path) or digest(file) == upload.sha256:
        return False
    given_up = version_key(f"{upload.version_key}\0{upload.sha256}", upload.size, upload.mtime_ns)
    Upload.objects.filter(pk=upload.pk).update(version_key=given_up, file_gone=True)
    return True


def came_back(upload: Upload, *, told: bool) -> None:
    """The file of an upload is there as it was. One that failed waits again if the file was gone, or was sent again."""
    if upload.state == Upload.State.DEAD and (upload.reason.startswith(GONE) or (told and not is_own(upload.path))):
        try_again(upload)


def _counts(arrival: Arrival, upload: Upload) -> bool:
    """Whether a repeat of it still is one."""
    return arrival.received_at - upload.received_at <= timedelta(seconds=settings.DEDUPE_TTL_SECONDS)


def _is_same_moment(arrival: Arrival, upload: Upload) -> bool:
    """Whether both say that they were taken at the same time: then it was sent again, however late."""
    before, now = (file_names.parse(path.partition("/")[2]) for path in (upload.path, arrival.path))
    if before is not None or now is not None:
        return before is not None and now is not None and before.local == now.local
    return arrival.exif_time is not None or _name(upload.path) == arrival.name


def _may_be_of(arrival: Arrival, upload: Upload) -> bool:
    """Whether the file may have been moved here. Two cameras may see the same; a moved file keeps its name or time.

    So may two channels of a recorder, whose files lie in one folder. What came over HTTP was not moved from another.
    """
    if upload.camera_id == arrival.owner_id:
        return True
    if is_own(arrival.path):
        return False
    if upload.path.partition("/")[0] == arrival.path.partition("/")[0] and camera_of(upload.path) == arrival.owner:
        return True
    return _name(upload.path) == arrival.name or upload.mtime_ns == arrival.mtime_ns


def _has_left(tree: Tree, upload: Upload) -> bool:
    """Whether the upload's content is no longer where it was."""
    try:
        stamp = tree.stamp(upload.path)
        if stamp is None or stamp[0] != upload.size:
            return True
        if stamp[1] == upload.mtime_ns:
            return False
        with tree.open(upload.path) as file:  # touched, or overwritten
            return digest(file) != upload.sha256
    except (FileNotFoundError, OutsideTreeError):
        return True
    except (OSError, HardLinkedError):
        return False


def _follow(upload: Upload, arrival: Arrival) -> None:
    """Raises `IntegrityError` where another row has this very version by now."""
    if upload.path != arrival.path:
        logger.info("%s is upload %s, which was %s", arrival.path, upload.pk, upload.path)
    values = {
        "path": arrival.path, "mtime_ns": arrival.mtime_ns, "version_key": arrival.version_key, "file_gone": False,
    }  # fmt: skip
    if not upload.thumbnail.rpartition("/")[2].startswith(upload.sha256[:8]):
        values["thumbnail"] = arrival.store_thumbnail(upload.camera_id)
    sql.update(upload, values)
    if arrival.copy is not None and upload.state == Upload.State.WAITING and spool.name(upload, arrival.copy):
        arrival.copy = None


def _name(path: str) -> str:
    return path.rpartition("/")[2]
