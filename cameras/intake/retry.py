"""Retry rejected and failed uploads at a user's request."""

from __future__ import annotations

from django.db import transaction

from cameras.files import quarantine
from cameras.files.originals import MediaHardLinkedError, open_original
from cameras.intake import accept, identity
from cameras.intake.incoming_file import IncomingFile
from cameras.media import formats
from cameras.models import DUPLICATE_REASON, Upload
from hsi import audit
from hsi.errors import HSIError, MediaError
from hsi.queues import DETECTION_QUEUE, dead_letters, get_queue


class StillRejectedError(HSIError):
    """The file still cannot be used."""

    code = "UPLOAD_REJECTED"
    status = 422
    retryable = False


def retry_upload(upload: Upload) -> bool:
    """Queue a rejected or failed upload again. Return False if it is neither.

    Raise `StillRejectedError`, or `MediaGoneError` if the file of a rejected upload is gone.
    """
    if upload.state == Upload.State.REJECTED:
        return _retry_rejected(upload)
    return dead_letters.retry(DETECTION_QUEUE, upload.pk, audit.acting_user())


def _retry_rejected(upload: Upload) -> bool:
    """Validate a rejected file again, because limits and decoders change. The file stays where it is."""
    incoming = IncomingFile.from_upload(upload)
    try:
        with open_original(upload) as file:
            incoming.inspect(file)
    except MediaHardLinkedError as error:
        raise _still_rejected(accept.rejection_reason(formats.HardLinkError())) from error
    except MediaError as error:
        reason = accept.rejection_reason(error)
        # A file that was rejected for its second name is still in its folder. Now it goes to the quarantine.
        folder_to_be = quarantine.path_for(upload) if accept.has_hard_link(upload) else upload.quarantine
        upload.update_rejection(reason, folder_to_be)
        raise _still_rejected(reason) from error
    thumbnail = incoming.store_thumbnail(upload.camera_id)
    columns = {"reason": "", "thumbnail": thumbnail, **incoming.columns}
    with transaction.atomic():
        sha256 = incoming.columns["sha256"]
        original = identity.find_original(incoming, identity.uploads_with_content(sha256))
        if original is not None:
            columns |= {"state": Upload.State.DUPLICATE, "duplicate_of": original, "reason": DUPLICATE_REASON}
            return _withdraw_rejection(upload, columns)
        columns |= {"state": Upload.State.WAITING, "finished_at": None, "dedup_key": sha256}
        if not _withdraw_rejection(upload, columns):
            return False
        get_queue(DETECTION_QUEUE).put(upload.pk)
    return True


def _withdraw_rejection(upload: Upload, columns: dict[str, object]) -> bool:
    """Write the new state and audit it. Return False if another process was faster."""
    if not upload.withdraw_rejection(**columns):
        return False
    audit.record("tried_again", f"upload {upload.pk}")
    return True


def _still_rejected(reason: str) -> StillRejectedError:
    return StillRejectedError(f"The file still cannot be used: {reason}")
