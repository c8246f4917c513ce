"""When a picture was taken, by all that is known of it: the time in its name, when it came, how long it is.

No source is trusted alone. A name is believed where it fits the arrival. Where it tells of a time long before, either
the camera was offline and sends what it has kept, or its clock is wrong: which of both is seen from its other pictures.
What was kept comes in faster than it was taken, so that its names come nearer to the arrival; a wrong clock is off by
the same again and again, mostly by whole hours.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypedDict

from django.db.models import QuerySet

from cameras.intake import file_names
from cameras.models import Camera, Upload
from hsi.db import sql

logger = logging.getLogger(__name__)

USUAL_DELAY = timedelta(minutes=3)  # between the end of a picture or clip and its arrival
AGREE = timedelta(seconds=90)  # two pictures whose clock is off by the same, sent with different delays
SAME = timedelta(seconds=30)
APART = timedelta(seconds=60)  # what was kept is not sent at the pace at which it was taken for so long
QUARTER, HOUR = timedelta(minutes=15), timedelta(hours=1)
WHOLE = (timedelta(seconds=-60), timedelta(seconds=20))  # from a whole quarter or hour: late it comes more often
LOOKED_BACK = 8
ENOUGH, ENOUGH_OF_WHOLE = 3, 2  # pictures that agree, of a clock that is off by anything or by whole quarters
FARTHEST = file_names.MAX_PAST + timedelta(days=1)
CLIP_IN_THE_FUTURE = timedelta(seconds=30)  # one that ends so long after its arrival is named for its end


@dataclass(frozen=True, slots=True)
class Clues:
    """What is known of a file. `local`: by the camera's clock, naive, when it began; None: nothing says that.

    `arrived_by` is `ARRIVAL` for a file that was closed a moment ago. `told`: the time is that of a client that knows.
    """

    local: datetime | None
    source: Upload.TimeSource
    arrived: datetime
    arrived_by: Upload.TimeSource
    length: timedelta = timedelta()
    told: bool = False

    @property
    def began(self) -> datetime:
        return self.arrived - self.length


@dataclass(frozen=True, slots=True)
class Moment:
    """When it was taken. `ahead_seconds`: the time it tells, read as UTC, minus the arrival; None: of no use.

    `clock_off`: by how much the camera's clock is steadily ahead; zero: it is right, None: that is not known by this.
    """

    captured_at: datetime
    source: Upload.TimeSource
    skewed: bool = False
    ahead_seconds: int | None = None
    clock_off: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """An earlier picture of the camera: when it came, and how far its name was ahead of that."""

    arrived: datetime
    off: timedelta


class Suggestion(TypedDict):
    """What to change at a camera whose clock is off, as the API takes it."""

    time_zone: str
    clock_correction_seconds: int


def determine(camera: Camera, clues: Clues, just_closed: datetime | None = None) -> Moment:
    """`just_closed`: now, where the file was closed a moment ago, also where its own time says otherwise."""
    if clues.local is None:
        return Moment(clues.began, clues.arrived_by)
    correction = timedelta() if clues.told else timedelta(seconds=camera.clock_correction_seconds)
    taken, beyond = file_names.capture_time(_sum(clues.local, correction), camera.zone, clues.began)
    if clues.told:
        return Moment(taken, clues.arrived_by if beyond else clues.source, beyond)
    is_live = clues.arrived_by == Upload.TimeSource.ARRIVAL
    ahead = _ahead(clues) if is_live else None
    if beyond:
        off = None if ahead is None else _off(camera, clues.arrived, ahead)
        found = None if off is None else steady(off, clues.arrived, history(camera))
        return Moment(taken, clues.arrived_by, True, ahead, found)
    off = taken - clues.began
    if clues.length and off > CLIP_IN_THE_FUTURE:
        return Moment(taken - clues.length, clues.source)
    if not is_live and just_closed and is_whole(taken - just_closed + clues.length, HOUR):
        # Name and time of the file are both by the camera's clock, which is off by whole hours.
        return determine(camera, replace(clues, arrived=just_closed, arrived_by=Upload.TimeSource.ARRIVAL))
    if not is_live or off >= -USUAL_DELAY:
        return Moment(taken, clues.source, False, ahead, timedelta() if is_live else None)
    return _long_before(camera, clues, taken)


def _long_before(camera: Camera, clues: Clues, taken: datetime) -> Moment:
    """Of a file that was closed a moment ago, and whose name tells of a time long before."""
    off, past = taken - clues.began, history(camera)
    if is_wrong_clock(off, clues.arrived, past) and not _is_sending_kept(camera, off, clues.arrived):
        found = steady(off, clues.arrived, past)
        return Moment(clues.began, clues.arrived_by, True, _ahead(clues), found)
    usual = _usual(past)
    if usual is not None and usual < -USUAL_DELAY and taken - usual <= clues.began:  # kept, by a clock that is wrong
        return Moment(taken - usual, clues.source, True, _ahead(clues))
    return Moment(taken, clues.source, False, _ahead(clues))


def history(camera: Camera) -> list[Past]:
    """The newest pictures that told a time, the newest first; by the zone and correction that the camera has now."""
    return _past(camera, _known(camera).order_by("-captured_at", "-id")[:LOOKED_BACK])


def _is_sending_kept(camera: Camera, off: timedelta, arrived: datetime) -> bool:
    """Whether the picture that came just before this one was of a time long before as well, and of another one."""
    lately = _known(camera).filter(received_at__gte=arrived - APART).order_by("-received_at", "-id")[:1]
    return any(one.off < -USUAL_DELAY and abs(one.off - off) > AGREE for one in _past(camera, lately))


def _known(camera: Camera) -> QuerySet[Upload]:
    return Upload.objects.filter(camera=camera.pk, named_ahead_seconds__isnull=False)


def _past(camera: Camera, uploads: QuerySet[Upload]) -> list[Past]:
    rows_found = uploads.values_list("received_at", "named_ahead_seconds")
    return [Past(arrived, _off(camera, arrived, ahead)) for arrived, ahead in rows_found if ahead is not None]


def _off(camera: Camera, arrived: datetime, ahead_seconds: int) -> timedelta:
    there = arrived.astimezone(camera.zone).utcoffset() or timedelta()
    return timedelta(seconds=ahead_seconds + camera.clock_correction_seconds) - there


def is_wrong_clock(off: timedelta, arrived: datetime, past: Sequence[Past]) -> bool:
    """Whether a file that came at `arrived`, and whose name is ahead of that by `off`, shows what is now."""
    if all(abs(one.off - off) <= AGREE for one in past):  # also the first of all: what was just closed is live
        return True
    if any(abs(one.off - off) <= SAME and arrived - one.arrived >= APART for one in past):
        return True
    common = _common([one.off for one in past])
    return common is not None and (abs(common - off) <= AGREE or is_whole(off - common, HOUR))


def steady(off: timedelta, arrived: datetime, past: Sequence[Past]) -> timedelta | None:
    """By how much the clock is steadily ahead, as far as this file and those before agree; None: too few do."""
    agreeing = [Past(arrived, off), *(one for one in past if abs(one.off - off) <= AGREE)]
    nearest = max(one.off for one in agreeing)  # the one with the least delay
    if len(agreeing) >= ENOUGH_OF_WHOLE and is_whole(nearest, QUARTER):
        return QUARTER * round(nearest / QUARTER)
    return nearest if len(agreeing) >= ENOUGH and _lasted(agreeing) else None


def is_whole(off: timedelta, unit: timedelta) -> bool:
    whole = unit * round(off / unit)
    return whole != timedelta() and WHOLE[0] <= off - whole <= WHOLE[1]


def _usual(past: Sequence[Past]) -> timedelta | None:
    """By how much the clock was off in most of the pictures, over some time."""
    common = _common([one.off for one in past])
    agreeing = [one for one in past if common is not None and abs(one.off - common) <= AGREE]
    return common if len(agreeing) >= ENOUGH and _lasted(agreeing) else None


def _common(offs: Sequence[timedelta]) -> timedelta | None:
    """What at least half of them agree on, the newest of several; None where there is no such thing."""
    counted = [(sum(abs(other - one) <= AGREE for other in offs), one) for one in offs]
    count, common = max(counted, key=lambda pair: pair[0], default=(0, timedelta()))
    return common if count * 2 >= len(offs) > 0 else None


def _lasted(agreeing: Sequence[Past]) -> bool:
    times = [one.arrived for one in agreeing]
    return max(times) - min(times) >= APART


def _ahead(clues: Clues) -> int | None:
    if clues.local is None:
        return None
    ahead = clues.local.replace(tzinfo=UTC) - clues.began.astimezone(UTC)
    return round(ahead.total_seconds()) if abs(ahead) <= FARTHEST else None


def _sum(local: datetime, correction: timedelta) -> datetime:
    try:
        return local + correction
    except OverflowError:
        return local


def note(camera: Camera, clock_off: timedelta | None) -> None:
    """Keep by how much the camera's clock is steadily off, where that is news; call it in the file's transaction."""
    if clock_off is None:
        return
    seconds = round(clock_off.total_seconds()) or None
    if camera.clock_offset_seconds != seconds:
        sql.update(camera, {"clock_offset_seconds": seconds})
        if seconds is None:
            logger.info("The clock of camera %s is right again", camera.pk)
        else:
            words = "The clock of camera %s is %s: what it sends is dated by its arrival. Its page offers a correction"
            logger.warning(words, camera.pk, in_words(seconds))


def in_words(seconds: int) -> str:
    """Such as "1 h 30 min behind", for people."""
    return f"{amount(seconds)} {'ahead' if seconds > 0 else 'behind'}"


def amount(seconds: int) -> str:
    minutes = round(abs(seconds) / 60)
    parts = [f"{minutes // 60} h" if minutes >= 60 else "", f"{minutes % 60} min" if minutes % 60 else ""]
    return " ".join(filter(None, parts)) or "less than a minute"


def suggestion(camera: Camera, now: datetime) -> Suggestion | None:
    """What to change at the camera so that its times are right; None: nothing is offered.

    One picture does not tell a wrong zone from a wrong clock. A clock that tells UTC, or that takes no part in summer
    time, is of a zone without it; any other is taken for one of the camera's zone that was set wrongly.
    """
    seconds = camera.clock_offset_seconds
    if seconds is None or seconds % QUARTER.total_seconds():
        return None
    there = now.astimezone(camera.zone)
    usual, summer = (int((one or timedelta()).total_seconds()) for one in (there.utcoffset(), there.dst()))
    shown = usual + seconds - camera.clock_correction_seconds
    if shown == 0:
        return {"time_zone": "UTC", "clock_correction_seconds": 0}
    if summer and shown == usual - summer and shown % 3600 == 0:
        return {"time_zone": f"Etc/GMT{-shown // 3600:+d}", "clock_correction_seconds": 0}
    return {"time_zone": camera.time_zone, "clock_correction_seconds": camera.clock_correction_seconds - seconds}


def from_epoch_ns(value: int) -> datetime:
    """A file's time; the nearest one that a datetime holds, for times before year 1 and after year 9999."""
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value // 1000)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if value > 0 else datetime.min.replace(tzinfo=UTC)
