"""One upload, from its file to stored detections: decode, detect, and store in one transaction."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, BinaryIO

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from cameras.files import originals, spool
from cameras.files.disk_guard import CameraFolderUnavailableError
from cameras.files.tree import Tree
from cameras.intake import spooling
from cameras.media import decoder, frame_selection
from cameras.media.picture import Picture
from cameras.models import DUPLICATE_REASON, Upload, Zone
from cameras.zones import contains
from detection import batching
from detection.detectors import DetectedObject, get_detector, provenance, service
from detection.models import Batch, Detection
from detection.serializers import DetectionCreatedData
from hsi import audit, failpoints
from hsi.db import clock, sql
from hsi.errors import HSIError, MediaError
from hsi.http.url_prefix import link
from hsi.logs import context
from hsi.metrics import histograms
from hsi.outbound import shared_breaker
from hsi.outbox import publish
from hsi.outbox.messages import Message
from hsi.queues import DETECTION_QUEUE, Job, dead_letters, get_queue
from hsi.times import iso

logger = logging.getLogger(__name__)


class FileGoneError(MediaError):
    """The file was removed, moved or overwritten before it was analysed. If it returns, its upload continues."""

    code = "FILE_GONE"
    retryable = True


class NotReadableError(HSIError):
    """The file cannot be read or decoded now, and its content is not the cause. The upload waits."""

    code = "FILE_NOT_READABLE"
    counts = False


@dataclass(frozen=True, slots=True)
class Sighting:
    """An object detected in one frame. `offset_seconds` is None for a still."""

    found: DetectedObject
    offset_seconds: float | None


def detect_upload(job: Job) -> None:
    """Run a detection job. Raise `HSIError` if the upload cannot be analysed."""
    upload = next(iter(sql.select(Upload, "id=%(id)s", {"id": job.row_id})), None)
    if upload is None or upload.state != Upload.State.WAITING:
        get_queue(DETECTION_QUEUE).ack(job)
        return
    context.add(camera=upload.camera_id)
    began = time.perf_counter()
    try:
        sightings = look(upload)
    except HSIError as error:
        if error.retryable:
            secure(upload)
        raise
    took = time.perf_counter() - began
    histograms.stage("detection", took)
    failpoints.reach("detected")
    zones = enabled_zones(upload.camera_id) if sightings else []
    if store(job, upload, sightings, zones):
        histograms.count(histograms.UPLOADS, upload.state)
        labels = ", ".join(sorted({s.found.label for s in sightings})) or "nothing"
        logger.info("%s shows %s", upload.path, labels, extra={"duration_seconds": took})
    failpoints.reach("detection-acknowledged")


def enabled_zones(camera_id: str) -> list[Zone]:
    return sql.select(Zone, "camera_id=%(camera)s AND enabled ORDER BY id", {"camera": camera_id})


def look(upload: Upload) -> list[Sighting]:
    """Decode and detect. This takes most of the time, so it holds no transaction.

    The result is valid only at the end, when the content of the file has been verified. Raise `FileGoneError`,
    `CameraFolderUnavailableError` or `NotReadableError` if the accepted content is unavailable.
    """
    tree = Tree(settings.CAMERA_ROOT)
    try:
        try:
            return originals.read_original(upload, lambda file: list(sightings_in(upload, file)))
        except originals.MediaUnavailableError as error:
            raise CameraFolderUnavailableError from error
        except originals.MediaGoneError as error:
            if is_away(upload, tree):
                raise CameraFolderUnavailableError from error
            if tree.stamp(upload.path) is not None and not isinstance(error, originals.MediaHardLinkedError):
                spooling.record_name_reuse(upload.camera)
            # If the file was moved or renamed, its row follows shortly.
            raise FileGoneError from error
    except OSError as error:
        raise NotReadableError from error


def sightings_in(upload: Upload, file: BinaryIO) -> Iterator[Sighting]:
    """Return the detected objects. May raise `OtherContentError`, also at the end."""
    for picture, offset_seconds in pictures(upload, file):
        for found in detect(picture):
            yield Sighting(found, offset_seconds)


def detect(picture: Picture) -> list[DetectedObject]:
    """Call the detector. Raise `CircuitOpenError` if its circuit breaker is open."""
    with shared_breaker.guard(service(), settings.RTDETR_READ_TIMEOUT + settings.AI_CONNECT_TIMEOUT):
        return get_detector().detect(picture)


def pictures(upload: Upload, file: BinaryIO) -> Iterator[tuple[Picture, float | None]]:
    """Yield the still, or the sampled frames of a clip with their offsets.

    At the end, the reason of a sparsely sampled upload says so.
    """
    if upload.kind == Upload.Kind.IMAGE:
        size = (upload.width, upload.height) if upload.width and upload.height else None
        yield Picture(file=file, sha256=upload.sha256, size=size), None
        return
    looked_at, every_seconds = 0, 0.0
    for frame in decoder.sample_frames(
        file,
        sha256=upload.sha256,
        interval_seconds=settings.VIDEO_FRAME_INTERVAL_SECONDS,
        max_frames=settings.VIDEO_MAX_FRAMES,
        max_pixels=settings.IMAGE_MAX_PIXELS,
    ):
        looked_at, every_seconds = looked_at + 1, frame.interval_seconds
        yield Picture(pixels=frame.pixels), frame.offset_seconds
    if every_seconds:
        upload.reason = "; ".join(
            filter(None, (upload.reason, frame_selection.sparse_sampling_note(looked_at, every_seconds)))
        )[:300]


def is_away(upload: Upload, tree: Tree) -> bool:
    """Return whether the folder is gone too, because an unmounted share leaves an empty one. Raise `OSError`."""
    return not settings.CAMERA_ROOT.is_dir() or upload.path.partition("/")[0] not in tree.folders()


def secure(upload: Upload) -> None:
    """Copy the file of an upload that will be retried, before its camera overwrites it."""
    try:
        spool.copy_upload(upload)
    except (OSError, spool.SpoolFullError) as error:
        logger.warning("%s is not copied into the spool: %s", upload.path, error)


def store(job: Job, upload: Upload, sightings: list[Sighting], zones: list[Zone]) -> bool:
    """Store detections, batch, upload state, messages and acknowledgement in one transaction.

    Return False if the upload was already finished.
    """
    state = Upload.State.DETECTED if sightings else Upload.State.EMPTY
    detections = detections_of(upload, sightings, zones)
    urgent = any(
        s.found.label in settings.FAST_PATH_OBJECT_TYPES
        and s.found.confidence >= settings.FAST_PATH_CONFIDENCE_THRESHOLD
        for s in sightings
    )
    with transaction.atomic():
        failpoints.reach_after_commit("detection-committed")
        get_queue(DETECTION_QUEUE).ack(job)
        if not upload.finish(state, attempts=job.attempts, detector=provenance(get_detector()), reason=upload.reason):
            return False
        if detections:
            times = [detection["captured_at"] for detection in detections]
            batch, closed = batching.extend(upload.camera_id, times, clock.now(), urgent=urgent)
            sql.insert(Detection, [{**detection, "batch_id": batch.pk} for detection in detections])
            message = Message("detection.created", upload.camera_id, created_data(upload, batch, sightings))
            publish.publish(message, *closed)
    with contextlib.suppress(OSError):  # a sweep removes leftover copies
        spool.release(upload)
    return True


def detections_of(upload: Upload, sightings: list[Sighting], zones: list[Zone]) -> list[dict[str, Any]]:
    """Return the rows of `sightings` by attribute name, without their batch. `zones` has the zones of each object."""
    detections = []
    for ordinal, sighting in enumerate(sightings):
        found, box = sighting.found, sighting.found.box
        stands_at = (box.x + box.width / 2, min(1.0, box.y + box.height))
        detections.append(
            {
                "upload_id": upload.pk,
                "camera_id": upload.camera_id,
                "ordinal": ordinal,
                "captured_at": upload.captured_at + timedelta(seconds=sighting.offset_seconds or 0),
                "frame_offset": sighting.offset_seconds,
                "label": found.label,
                "confidence": found.confidence,
                "x": box.x,
                "y": box.y,
                "width": box.width,
                "height": box.height,
                "zones": [zone.pk for zone in zones if contains(zone.polygon, stands_at)],
            }
        )
    return detections


def created_data(upload: Upload, batch: Batch, sightings: list[Sighting]) -> DetectionCreatedData:
    """Return the data of `detection.created`, one message per upload."""
    return {
        "upload": upload.pk,
        "camera": upload.camera_id,
        "batch": batch.pk,
        "labels": sorted({s.found.label for s in sightings}),
        "count": len(sightings),
        "captured_at": iso(upload.captured_at),
        "thumbnail_url": link(f"/api/uploads/{upload.pk}/thumbnail"),
    }


def requeue_upload(row_id: int) -> bool:
    """Queue a failed upload and its duplicates again. Return False if it is gone, or not failed.

    A duplicate that failed with the original of its content queues the original.
    """
    failed = Upload.objects.filter(pk=row_id, state=Upload.State.DEAD).first()
    if failed is None:
        return False
    if failed.duplicate_of_id is not None:
        return dead_letters.retry(DETECTION_QUEUE, failed.duplicate_of_id, audit.acting_user())
    requeued = Upload.objects.filter(pk=row_id, state=Upload.State.DEAD).update(
        state=Upload.State.WAITING, reason="", finished_at=None
    )
    failed.repeats.filter(state=Upload.State.DEAD).update(state=Upload.State.DUPLICATE, reason=DUPLICATE_REASON)
    return bool(requeued)


def mark_upload_dead(row_id: int, reason: str) -> None:
    """Mark the upload of a dead letter as dead, and its duplicates, which were not analysed either."""
    now = timezone.now()
    marked = Upload.objects.filter(pk=row_id, state=Upload.State.WAITING).update(
        state=Upload.State.DEAD, reason=reason, finished_at=now
    )
    if marked:
        repeats = Upload.objects.filter(duplicate_of=row_id, state=Upload.State.DUPLICATE)
        repeats.update(state=Upload.State.DEAD, reason=f"upload {row_id} of the same bytes failed")
        transaction.on_commit(lambda: histograms.count(histograms.UPLOADS, Upload.State.DEAD.value))
