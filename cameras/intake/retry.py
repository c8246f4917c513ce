"""Another try for files that were rejected or failed, as a person asks for it."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from cameras.files import quarantine
from cameras.files.originals import MediaLinkedError, open_original
from cameras.intake import accept, identity, reading
from cameras.intake.incoming_file import Arrival
from cameras.media import formats
from cameras.models import REPEATS, Upload
from hsi import audit
from hsi.errors import HSIError, MediaError
from hsi.queues import DETECTION_QUEUE, dead_letters, get_queue


class StillRejectedError(HSIError):
    """The file still cannot be used."""

    code = "UPLOAD_REJECTED"
    status = 422
    retryable = False


def again(upload: Upload) -> bool:
    """Have a rejected or failed upload wait again, as if its file came now. False: it is neither.

    Raises `StillRejectedError`, or `MediaGoneError` where a rejected file is no longer there.
    """
    if upload.state == Upload.State.REJECTED:
        return _judge_again(upload)
    return dead_letters.retry(DETECTION_QUEUE, upload.pk, audit.acting_user())


def _judge_again(upload: Upload) -> bool:
    """Limits and decoders change, so a file that was rejected may be usable now. It stays where it is."""
    now = timezone.now()
    arrival = Arrival(upload.camera, upload.path, upload.size, upload.mtime_ns, now, final=True)
    try:
        with open_original(upload) as file:
            arrival.learn(reading.read(file, arrival.name, final=True))
    except MediaLinkedError as error:
        raise StillRejectedError(f"The file still cannot be used: {accept.reason_of(formats.LinkedError())}") from error
    except MediaError as error:
        reason = accept.reason_of(error)
        # One that was refused for its second name was left where it is: it goes to the quarantine like any other now.
        place = quarantine.path_for(arrival) if accept.is_linked(upload) else upload.quarantine
        Upload.objects.filter(pk=upload.pk, state=Upload.State.REJECTED).update(reason=reason, quarantine=place)
        raise StillRejectedError(f"The file still cannot be used: {reason}") from error
    values = {"reason": "", "thumbnail": arrival.store_thumbnail(upload.camera_id), **arrival.facts}
    with transaction.atomic():
        original = identity.original(arrival, identity.same_content(arrival.facts["sha256"]))
        if original is not None:
            repeat = {"state": Upload.State.DUPLICATE, "duplicate_of": original, "reason": REPEATS}
            return _leave_quarantine(upload, {**values, **repeat})
        waiting = {"state": Upload.State.WAITING, "finished_at": None, "dedupe_key": arrival.facts["sha256"]}
        if not _leave_quarantine(upload, {**values, **waiting}):
            return False
        get_queue(DETECTION_QUEUE).put(upload.pk)
    return True


def _leave_quarantine(upload: Upload, values: dict[str, object]) -> bool:
    """False: somebody else was quicker."""
    if not Upload.objects.filter(pk=upload.pk, state=Upload.State.REJECTED).update(**values):
        return False
    audit.record("tried_again", f"upload {upload.pk}")
    return True
