"""One upload, from its file to stored detections: decode, detect, and store in one transaction."""

from __future__ import annotations

import contextlib
import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
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
from cameras.models import DUPLICATE_REASON, Camera, Upload, Zone
from cameras.naming import file_names
from cameras.view import record_view
from cameras.zones import contains
from detection import batching
from detection.batching import Counted
from detection.detectors import DetectedObject, get_detector, provenance, service
from detection.detectors.labels import group_of
from detection.detectors.postprocessing import MANY_OBJECTS_NOTE, MAX_OBJECTS_PER_PICTURE, most_confident
from detection.models import Batch, Detection
from detection.relevance.decision import NO_RULES, Frame, Rules, Sighting, sightings_in, standing_point
from detection.relevance.rules import enabled_zones, rules_of
from detection.relevance.static_objects import StoredMemory
from detection.relevance.view import ViewMemory
from detection.relevance.view_sampling import signature_if_due
from detection.serializers import DetectionCreatedData
from hsi import audit, failpoints
from hsi.db import clock, sql
from hsi.errors import HSIError, MediaError
from hsi.http.url_prefix import link
from hsi.logs import context
from hsi.metrics import histograms
from hsi.outbound import shared_breaker
from hsi.outbox import publish
from hsi.outbox.messages import CameraId, Message
from hsi.queues import DETECTION_QUEUE, Job, dead_letters, get_queue
from hsi.times import iso

logger = logging.getLogger(__name__)

THINNED_OBJECTS = 10  # of a label, in each second of a batch that is full


class FileGoneError(MediaError):
    """The file was removed, moved or overwritten before it was analysed. If it returns, its upload continues."""

    code = "FILE_GONE"
    retryable = True


class NotReadableError(HSIError):
    """The file cannot be read or decoded now, and its content is not the cause. The upload waits."""

    code = "FILE_NOT_READABLE"
    counts = False


def detect_upload(job: Job) -> None:
    """Run a detection job. Raise `HSIError` if the upload cannot be analysed."""
    upload = next(iter(sql.select(Upload, "id=%(id)s", {"id": job.row_id})), None)
    if upload is None or upload.state != Upload.State.WAITING:
        get_queue(DETECTION_QUEUE).ack(job)
        return
    context.add(camera=upload.camera_id)
    began = time.perf_counter()
    try:
        frames = look(upload)
    except HSIError as error:
        if error.retryable:
            secure(upload)
        raise
    took = time.perf_counter() - began
    histograms.stage("detection", took)
    failpoints.reach("detected")
    has_objects = any(frame.found for frame in frames)
    zones = enabled_zones(upload.camera_id) if has_objects else []
    rules = rules_of(upload.camera_id, zones) if has_objects else NO_RULES
    if store(job, upload, frames, rules, zones):
        histograms.count(histograms.UPLOADS, upload.state)
        labels = ", ".join(sorted({found.label for frame in frames for found in frame.found})) or "nothing"
        logger.info("%s shows %s", upload.path, labels, extra={"duration_seconds": took})
    failpoints.reach("detection-acknowledged")


def look(upload: Upload) -> list[Frame]:
    """Decode and detect. This takes most of the time, so it holds no transaction.

    The result is valid only at the end, when the content of the file has been verified. Raise `FileGoneError`,
    `CameraFolderUnavailableError` or `NotReadableError` if the accepted content is unavailable.
    """
    tree = Tree(settings.CAMERA_ROOT)
    try:
        try:
            return originals.read_original(upload, lambda file: list(frames_in(upload, file)))
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


def frames_in(upload: Upload, file: BinaryIO) -> Iterator[Frame]:
    """Return the detected objects of each frame. May raise `OtherContentError`, also at the end."""
    for picture, offset_seconds in pictures(upload, file):
        found = detect(picture)
        if len(found) == MAX_OBJECTS_PER_PICTURE:
            add_note(upload, MANY_OBJECTS_NOTE)
        signature = signature_if_due(picture, upload.camera_id, upload.captured_at, offset_seconds)
        yield Frame(found, offset_seconds, signature)
    upload.detector = provenance(get_detector())


def detect(picture: Picture) -> list[DetectedObject]:
    """Return the most confident objects. Raise `CircuitOpenError` if the circuit breaker of the detector is open."""
    with shared_breaker.guard(service(), settings.RTDETR_READ_TIMEOUT + settings.AI_CONNECT_TIMEOUT):
        return most_confident(get_detector().detect(picture))


def add_note(upload: Upload, note: str) -> None:
    """Add a note to the reason of the upload, unless the reason contains it."""
    if note not in upload.reason:
        upload.reason = "; ".join(filter(None, (upload.reason, note)))[:300]


def pictures(upload: Upload, file: BinaryIO) -> Iterator[tuple[Picture, float | None]]:
    """Yield the still, or the sampled frames of a clip with their offsets.

    At the end, the reason of a sparsely sampled upload says so.
    """
    if upload.kind == Upload.Kind.IMAGE:
        size = (upload.width, upload.height) if upload.width and upload.height else None
        yield Picture(file=file, sha256=upload.sha256, size=size), None
        return
    looked_at, in_motion, sampling = 0, 0, None
    for frame in decoder.sample_frames(
        file,
        sha256=upload.sha256,
        interval_seconds=settings.VIDEO_FRAME_INTERVAL_SECONDS,
        max_frames=settings.VIDEO_MAX_FRAMES,
        max_pixels=settings.IMAGE_MAX_PIXELS,
    ):
        looked_at, in_motion, sampling = looked_at + 1, in_motion + frame.in_motion, frame.sampling
        yield Picture(pixels=frame.pixels), frame.offset_seconds
    if sampling:
        add_note(upload, frame_selection.sampling_note(looked_at, in_motion, sampling))


def is_away(upload: Upload, tree: Tree) -> bool:
    """Return whether the folder is gone too, because an unmounted share leaves an empty one. Raise `OSError`."""
    return not settings.CAMERA_ROOT.is_dir() or upload.path.partition("/")[0] not in tree.folders()


def secure(upload: Upload) -> None:
    """Copy the file of an upload that will be retried, before its camera overwrites it."""
    try:
        spool.copy_upload(upload)
    except (OSError, spool.SpoolFullError) as error:
        logger.warning("%s is not copied into the spool: %s", upload.path, error)


def store(job: Job, upload: Upload, frames: list[Frame], rules: Rules, zones: list[Zone]) -> bool:
    """Store everything in one transaction and acknowledge the job. Return False if the upload was finished already.

    The row of the camera is locked first: its pictures change its memory and its batches one after the other.
    """
    has_objects = any(frame.found for frame in frames)
    state = Upload.State.DETECTED if has_objects else Upload.State.EMPTY
    trigger = trigger_of(upload)
    times = [upload.captured_at, *(captured_at(upload, frame) for frame in frames)]
    with transaction.atomic(), sql.pipeline():
        failpoints.reach_after_commit("detection-committed")
        sql.lock(Camera, upload.camera_id)
        stored = StoredMemory.ask(upload.camera_id)
        open_batches = batching.ask_open(upload.camera_id, min(times), max(times))
        get_queue(DETECTION_QUEUE).ack(job)
        if not upload.finish(state, attempts=job.attempts, detector=upload.detector, reason=upload.reason):
            return False
        memory = stored.load()
        sightings = sightings_in(frames, upload.captured_at, rules, memory, trigger)
        stored.save(memory)
        news = view_news(upload.camera_id, memory.view)
        if has_objects:
            store_sightings(upload, sightings, zones, open_batches.rows())
        publish.publish(*news)
    with contextlib.suppress(OSError):  # the spool is swept
        spool.release(upload)
    return True


def view_news(camera_id: str, view: ViewMemory) -> list[Message]:
    """Record what the camera shows, if that changed. Return the messages to publish after all other writes."""
    if not view.has_changed or view.since is None:
        return []
    return [record_view(camera_id, view.state, view.since)]


def store_sightings(
    upload: Upload, sightings: list[Sighting], zones: list[Zone], open_batches: Sequence[Batch]
) -> None:
    """Insert the detections, put those that count into their batch, and publish them."""
    now = clock.now()
    counting = [sighting for sighting in sightings if not sighting.ignored]
    batch: Batch | None = None
    messages: list[Message] = []
    if counting and (full := batching.full_until(open_batches, [captured_at(upload, one) for one in counting], now)):
        sightings = thinned(sightings, upload, full)
        counting = [sighting for sighting in sightings if not sighting.ignored]
    if counting:
        batch, messages = batching.extend(upload.camera_id, counted(upload, counting), open_batches, now)
    if batch is None:
        sightings = [one if one.ignored else replace(one, ignored=Detection.Ignored.UNCHANGED) for one in sightings]
    sql.insert(Detection, detections_of(upload, sightings, zones, batch))
    if batch is not None:
        data = created_data(upload, batch, counting)
        messages = [Message("detection.created", CameraId(upload.camera_id), data), *messages]
    publish.publish(*messages)


def thinned(sightings: list[Sighting], upload: Upload, full_until: datetime) -> list[Sighting]:
    """Keep the best objects of one picture a second for a batch that is full and ends at `full_until`."""
    kept: set[int] = set()
    taken = Counter[tuple[datetime, str]]()
    pictures: dict[datetime, float | None] = {}
    for n in sorted(range(len(sightings)), key=lambda n: -sightings[n].found.confidence):
        one = sightings[n]
        second = captured_at(upload, one).replace(microsecond=0)
        in_picture = pictures.setdefault(second, one.offset_seconds) == one.offset_seconds
        if second > full_until and in_picture and taken[second, one.found.label] < THINNED_OBJECTS:
            taken[second, one.found.label] += 1
            kept.add(n)
    too_many = Detection.Ignored.TOO_MANY
    return [one if one.ignored or n in kept else replace(one, ignored=str(too_many)) for n, one in enumerate(sightings)]


def trigger_of(upload: Upload) -> str:
    """Return what the camera says in the file name about why it took the picture."""
    name = file_names.parse(upload.path.partition("/")[2])
    return name.trigger if name else ""


def captured_at(upload: Upload, shown: Frame | Sighting) -> datetime:
    return upload.captured_at + timedelta(seconds=shown.offset_seconds or 0)


def counted(upload: Upload, counting: list[Sighting]) -> Counted:
    """Return what the batch needs to know of the objects that count."""
    shown = {(group_of(one.found.label), one.offset_seconds) for one in counting}
    return Counted(
        times=[captured_at(upload, one) for one in counting],
        pictures=Counter(group for group, _ in shown),
        starts=any(one.starts for one in counting),
        is_sure=any(one.is_sure for one in counting),
        is_urgent=any(
            one.found.label in settings.FAST_PATH_OBJECT_TYPES
            and one.found.confidence >= settings.FAST_PATH_CONFIDENCE_THRESHOLD
            for one in counting
        ),
    )


def detections_of(
    upload: Upload, sightings: list[Sighting], zones: list[Zone], batch: Batch | None
) -> list[dict[str, Any]]:
    """Return the rows of `sightings` by attribute name. `zones` has the zones of each object."""
    detections = []
    for ordinal, sighting in enumerate(sightings):
        found, box = sighting.found, sighting.found.box
        stands_at = standing_point(box)
        detections.append(
            {
                "upload_id": upload.pk,
                "batch_id": batch.pk if batch is not None and not sighting.ignored else None,
                "camera_id": upload.camera_id,
                "ordinal": ordinal,
                "captured_at": captured_at(upload, sighting),
                "frame_offset": sighting.offset_seconds,
                "label": found.label,
                "confidence": found.confidence,
                "x": box.x,
                "y": box.y,
                "width": box.width,
                "height": box.height,
                "zones": [zone.pk for zone in zones if contains(zone.polygon, stands_at)],
                "track": None,
                "ignored": sighting.ignored,
            }
        )
    return detections


def created_data(upload: Upload, batch: Batch, counting: list[Sighting]) -> DetectionCreatedData:
    """Return the data of `detection.created`, one message per upload with objects that count."""
    return {
        "upload": upload.pk,
        "camera": upload.camera_id,
        "batch": batch.pk,
        "labels": sorted({one.found.label for one in counting}),
        "count": len(counting),
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
