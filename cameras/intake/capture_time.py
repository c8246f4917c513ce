"""When a picture was taken, from the time in its name, its EXIF data, its arrival and its length.

No source is trusted alone. A name is believed if it fits the arrival. If it is much earlier, either the camera was
offline and now sends stored pictures, or its clock is wrong. The camera's other pictures decide. Stored pictures arrive
faster than they were taken, so that their names get closer to the arrival. A wrong clock is wrong by the same amount
every time, mostly by whole hours.

Start with `determine_for`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from cameras.clock_offset import offset_text
from cameras.intake.incoming_file import IncomingFile
from cameras.models import Camera, Upload, UploadQuerySet
from cameras.naming import file_names, http_paths

logger = logging.getLogger(__name__)

MAX_FUTURE = timedelta(minutes=5)
MAX_PAST = timedelta(days=30)
LATE_AFTER = timedelta(minutes=1)  # a file written longer ago than this arrived while no watcher ran
USUAL_DELAY = timedelta(minutes=3)  # between the end of a picture or clip and its arrival
AGREEMENT = timedelta(seconds=90)  # two pictures of a wrong clock, sent with different delays, differ by up to this
CLOSE_AGREEMENT = timedelta(seconds=30)
MIN_DURATION = timedelta(seconds=60)  # stored pictures are not sent at the pace they were taken for this long
QUARTER, HOUR = timedelta(minutes=15), timedelta(hours=1)
# Tolerance around whole quarters and hours. Pictures are more often late than early.
WHOLE_UNIT_TOLERANCE = (timedelta(seconds=-60), timedelta(seconds=20))
MAX_HISTORY = 8
# How many pictures must agree that the clock is off by any amount, or by whole quarters.
MIN_AGREEING, MIN_AGREEING_WHOLE = 3, 2
MAX_STORED_OFFSET = MAX_PAST + timedelta(days=1)
CLIP_IN_THE_FUTURE = timedelta(seconds=30)  # a clip that ends this long after its arrival is named after its end


@dataclass(frozen=True, slots=True)
class TimeClues:
    """What is known about the time of a file.

    `local` is when it began on the camera's clock (naive), or None. `arrived_by` is `ARRIVAL` for a file that was
    closed a moment ago. `from_client`: the time comes from a client that knows it, not from a camera's clock.
    """

    local: datetime | None
    source: Upload.TimeSource
    arrived_at: datetime
    arrived_by: Upload.TimeSource
    length: timedelta = timedelta()
    from_client: bool = False

    @property
    def began_at(self) -> datetime:
        """The start of the picture or clip if it arrived without delay."""
        return self.arrived_at - self.length


@dataclass(frozen=True, slots=True)
class CaptureTime:
    """When a picture was taken.

    `ahead_seconds` is the time in the name, read as UTC, minus the arrival, or None if that is of no use.
    `clock_offset` is by how much the camera's clock is steadily ahead. Zero: it is right. None: this picture alone
    does not show it.
    """

    captured_at: datetime
    source: Upload.TimeSource
    clock_is_wrong: bool = False
    ahead_seconds: int | None = None
    clock_offset: timedelta | None = None


@dataclass(frozen=True, slots=True)
class EarlierUpload:
    """An earlier picture of the camera: when it arrived, and how far its name was ahead of that."""

    arrived_at: datetime
    offset: timedelta


def determine_for(incoming: IncomingFile) -> CaptureTime:
    """Determine the time of a file from its name, else from EXIF, else from its arrival."""
    parsed_name, Source = file_names.parse(incoming.path_in_folder), Upload.TimeSource  # noqa: N806
    local, source = (parsed_name.local, Source.NAME) if parsed_name else (incoming.exif_time, Source.EXIF)
    arrived_at, arrived_by = arrival_time(incoming)
    length = timedelta(seconds=incoming.columns.get("duration_seconds") or 0)
    clues = TimeClues(local, source, arrived_at, arrived_by, length, http_paths.has_client_time(incoming.path))
    just_closed = incoming.received_at - from_epoch_ns(incoming.ctime_ns) <= LATE_AFTER
    return determine(incoming.camera, clues, incoming.received_at if just_closed else None)


def arrival_time(incoming: IncomingFile) -> tuple[datetime, Upload.TimeSource]:
    """Return now, or for a file that was there before the watcher started, its believable modification time."""
    written_at = from_epoch_ns(incoming.mtime_ns)
    if LATE_AFTER < incoming.received_at - written_at < MAX_PAST:
        return written_at, Upload.TimeSource.MTIME
    return incoming.received_at, Upload.TimeSource.ARRIVAL


def determine(camera: Camera, clues: TimeClues, just_closed_at: datetime | None = None) -> CaptureTime:
    """Determine the time from clues.

    `just_closed_at` is now if the file was closed a moment ago, even if its modification time says otherwise.
    """
    if clues.local is None:
        return CaptureTime(clues.began_at, clues.arrived_by)
    correction = timedelta() if clues.from_client else timedelta(seconds=camera.clock_correction_seconds)
    corrected = _add_saturating(clues.local, correction)
    taken_at, is_implausible = resolve_local_time(corrected, camera.zone, clues.began_at)
    if clues.from_client:
        return CaptureTime(taken_at, clues.arrived_by if is_implausible else clues.source, is_implausible)
    is_live = clues.arrived_by == Upload.TimeSource.ARRIVAL
    ahead_seconds = _ahead_seconds(clues) if is_live else None
    if is_implausible:
        steady = None
        if ahead_seconds is not None:
            offset = _offset(camera, clues.arrived_at, ahead_seconds)
            steady = steady_offset(offset, clues.arrived_at, history(camera))
        return CaptureTime(taken_at, clues.arrived_by, True, ahead_seconds, steady)
    offset = taken_at - clues.began_at
    if clues.length and offset > CLIP_IN_THE_FUTURE:
        return CaptureTime(taken_at - clues.length, clues.source)
    if not is_live and just_closed_at and is_whole(taken_at - just_closed_at + clues.length, HOUR):
        # The name and the file's time both come from the camera's clock, which is wrong by whole hours.
        return determine(camera, replace(clues, arrived_at=just_closed_at, arrived_by=Upload.TimeSource.ARRIVAL))
    if not is_live or offset >= -USUAL_DELAY:
        return CaptureTime(taken_at, clues.source, False, ahead_seconds, timedelta() if is_live else None)
    return _determine_late(camera, clues, taken_at)


def _determine_late(camera: Camera, clues: TimeClues, taken_at: datetime) -> CaptureTime:
    """Determine the time of a file that was closed a moment ago, but whose name is much earlier."""
    offset, earlier = taken_at - clues.began_at, history(camera)
    if is_wrong_clock(offset, clues.arrived_at, earlier) and not _sends_stored(camera, offset, clues.arrived_at):
        steady = steady_offset(offset, clues.arrived_at, earlier)
        return CaptureTime(clues.began_at, clues.arrived_by, True, _ahead_seconds(clues), steady)
    usual = _usual_offset(earlier)
    if usual is not None and usual < -USUAL_DELAY and taken_at - usual <= clues.began_at:
        # A stored picture of a camera whose clock is wrong.
        return CaptureTime(taken_at - usual, clues.source, True, _ahead_seconds(clues))
    return CaptureTime(taken_at, clues.source, False, _ahead_seconds(clues))


def resolve_local_time(local: datetime, zone: ZoneInfo, arrival: datetime) -> tuple[datetime, bool]:
    """Return (the capture time in UTC, whether the camera's clock is wrong).

    `local` is naive, `arrival` aware. In the hour that repeats in autumn, the pass that fits the arrival is chosen. A
    time in the hour that is skipped in spring continues from before it. An impossible time is replaced by `arrival`.
    """
    try:
        passes = [local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    except OverflowError:  # the first or last day that a datetime can hold
        return arrival.astimezone(UTC), True
    # In the skipped hour, `fold=1` counts back from after it. It is the later pass only in a repeated hour.
    taken_at = passes[0]
    if passes[0] < passes[1] <= arrival + MAX_FUTURE:
        taken_at = min(passes, key=lambda candidate: abs(arrival - candidate))
    if not -MAX_PAST <= taken_at - arrival <= MAX_FUTURE:
        return arrival.astimezone(UTC), True
    return taken_at, False


def history(camera: Camera) -> list[EarlierUpload]:
    """Return the newest pictures with a time in their name, newest first, by the camera's current clock settings."""
    return _earlier_uploads(camera, _with_named_time(camera).newest_capture_first()[:MAX_HISTORY])


def _sends_stored(camera: Camera, offset: timedelta, arrived_at: datetime) -> bool:
    """Return whether the previous picture was also much earlier than its arrival, by a different amount."""
    recent = _with_named_time(camera).filter(received_at__gte=arrived_at - MIN_DURATION)
    previous = _earlier_uploads(camera, recent.order_by("-received_at", "-id")[:1])
    return any(upload.offset < -USUAL_DELAY and abs(upload.offset - offset) > AGREEMENT for upload in previous)


def _with_named_time(camera: Camera) -> UploadQuerySet:
    return Upload.objects.filter(camera=camera.pk, named_ahead_seconds__isnull=False)


def _earlier_uploads(camera: Camera, uploads: QuerySet[Upload]) -> list[EarlierUpload]:
    rows = uploads.values_list("received_at", "named_ahead_seconds")
    return [EarlierUpload(arrived, _offset(camera, arrived, ahead)) for arrived, ahead in rows if ahead is not None]


def _offset(camera: Camera, arrived_at: datetime, ahead_seconds: int) -> timedelta:
    zone_offset = arrived_at.astimezone(camera.zone).utcoffset() or timedelta()
    return timedelta(seconds=ahead_seconds + camera.clock_correction_seconds) - zone_offset


def is_wrong_clock(offset: timedelta, arrived_at: datetime, earlier: Sequence[EarlierUpload]) -> bool:
    """Return whether a file with this offset shows the present, so that the camera's clock is wrong."""
    if all(abs(upload.offset - offset) <= AGREEMENT for upload in earlier):
        return True  # also without earlier pictures: a file that was just closed is live
    if any(
        abs(upload.offset - offset) <= CLOSE_AGREEMENT and arrived_at - upload.arrived_at >= MIN_DURATION
        for upload in earlier
    ):
        return True
    common = _common_offset([upload.offset for upload in earlier])
    return common is not None and (abs(common - offset) <= AGREEMENT or is_whole(offset - common, HOUR))


def steady_offset(offset: timedelta, arrived_at: datetime, earlier: Sequence[EarlierUpload]) -> timedelta | None:
    """Return by how much the clock is steadily ahead, or None if too few pictures agree."""
    matching = [upload for upload in earlier if abs(upload.offset - offset) <= AGREEMENT]
    agreeing = [EarlierUpload(arrived_at, offset), *matching]
    least_delayed = max(upload.offset for upload in agreeing)
    if len(agreeing) >= MIN_AGREEING_WHOLE and is_whole(least_delayed, QUARTER):
        return QUARTER * round(least_delayed / QUARTER)
    return least_delayed if len(agreeing) >= MIN_AGREEING and _span_enough(agreeing) else None


def is_whole(offset: timedelta, unit: timedelta) -> bool:
    """Return whether an offset is about a multiple of `unit`, and not zero."""
    multiple = unit * round(offset / unit)
    return multiple != timedelta() and WHOLE_UNIT_TOLERANCE[0] <= offset - multiple <= WHOLE_UNIT_TOLERANCE[1]


def _usual_offset(earlier: Sequence[EarlierUpload]) -> timedelta | None:
    """Return by how much the clock was off in most pictures over some time."""
    common = _common_offset([upload.offset for upload in earlier])
    agreeing = [upload for upload in earlier if common is not None and abs(upload.offset - common) <= AGREEMENT]
    return common if len(agreeing) >= MIN_AGREEING and _span_enough(agreeing) else None


def _common_offset(offsets: Sequence[timedelta]) -> timedelta | None:
    """Return the offset that at least half of the pictures share, the newest one of several, or None."""
    counted = [(sum(abs(other - offset) <= AGREEMENT for other in offsets), offset) for offset in offsets]
    count, common = max(counted, key=lambda pair: pair[0], default=(0, timedelta()))
    return common if count * 2 >= len(offsets) > 0 else None


def _span_enough(agreeing: Sequence[EarlierUpload]) -> bool:
    times = [upload.arrived_at for upload in agreeing]
    return max(times) - min(times) >= MIN_DURATION


def _ahead_seconds(clues: TimeClues) -> int | None:
    if clues.local is None:
        return None
    ahead = clues.local.replace(tzinfo=UTC) - clues.began_at.astimezone(UTC)
    return round(ahead.total_seconds()) if abs(ahead) <= MAX_STORED_OFFSET else None


def _add_saturating(local: datetime, correction: timedelta) -> datetime:
    try:
        return local + correction
    except OverflowError:
        return local


def record_clock_offset(camera: Camera, clock_offset: timedelta | None) -> None:
    """Store and log a changed clock offset. Call it in the transaction that stores the file."""
    if clock_offset is None:
        return
    seconds = round(clock_offset.total_seconds()) or None
    if not camera.set_clock_offset(seconds):
        return
    if seconds is None:
        logger.info("The clock of camera %s is right again", camera.pk)
    else:
        logger.warning(
            "The clock of camera %s is %s: its pictures are dated by their arrival. Its page offers a correction",
            camera.pk,
            offset_text(seconds),
        )


def from_epoch_ns(value: int) -> datetime:
    """Convert a file's time. Times before year 1 and after year 9999 become the nearest possible datetime."""
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value // 1000)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if value > 0 else datetime.min.replace(tzinfo=UTC)
