"""When a picture was taken, from clues that contradict each other."""

# Naive times are what a camera's clock tells.
# ruff: noqa: DTZ001, DTZ901

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cameras.clock_offset import offset_text, suggest_settings
from cameras.intake import capture_time
from cameras.intake.capture_time import CaptureTime, TimeClues, determine, record_clock_offset
from cameras.models import Camera, Upload
from tests import factories

pytestmark = pytest.mark.django_db

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
ARRIVAL, NAME, MTIME = Upload.TimeSource.ARRIVAL, Upload.TimeSource.NAME, Upload.TimeSource.MTIME


@pytest.fixture
def camera() -> Camera:
    return factories.camera("door", time_zone="Europe/Berlin")


def clues(
    offset: timedelta = timedelta(),
    at: datetime = NOW,
    length: timedelta = timedelta(),
    *,
    by=ARRIVAL,
    from_client=False,
) -> TimeClues:
    """Of a file that came at `at`, named by a clock that is ahead by `off` for when it began."""
    local = (at - length + offset).astimezone(BERLIN).replace(tzinfo=None)
    return TimeClues(local, NAME, at, by, length, from_client)


def send(camera: Camera, offset: timedelta, at: datetime, length: timedelta = timedelta()) -> CaptureTime:
    """What intake does with such a file."""
    moment = determine(camera, clues(offset, at, length))
    factories.upload(
        camera, received_at=at, captured_at=moment.captured_at, clock_skew=moment.clock_is_wrong,
        named_ahead_seconds=moment.ahead_seconds,
    )  # fmt: skip
    record_clock_offset(camera, moment.clock_offset)
    return moment


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


@pytest.mark.parametrize("delay", [0, 3, 100, 179])
def test_a_name_that_fits_the_arrival_is_believed(camera: Camera, delay: int):
    moment = send(camera, timedelta(seconds=-delay), NOW)
    assert (moment.captured_at, moment.source, moment.clock_is_wrong) == (NOW - timedelta(seconds=delay), NAME, False)


@pytest.mark.parametrize(
    "offset",
    [minutes(-60), minutes(-120), minutes(-345), minutes(-10), minutes(-7.3), minutes(90), timedelta(days=-20),
     timedelta(days=-4000), timedelta(days=900)],
)  # fmt: skip
def test_the_first_picture_is_live_however_wrong_the_clock_is(camera: Camera, offset: timedelta):
    moment = send(camera, offset, NOW)
    assert (moment.captured_at, moment.source, moment.clock_is_wrong) == (NOW, ARRIVAL, True)


@pytest.mark.parametrize("offset", [minutes(-60), minutes(-10), minutes(-413), minutes(330)])
def test_a_clock_that_stays_wrong_stays_live(camera: Camera, offset: timedelta):
    moments = [send(camera, offset - timedelta(seconds=n % 5), NOW + minutes(n)) for n in range(12)]
    assert [moment.captured_at - NOW for moment in moments] == [minutes(n) for n in range(12)]
    assert all(moment.clock_is_wrong for moment in moments)


def test_what_a_camera_has_kept_is_dated_by_its_names(camera: Camera):
    for n in range(4):
        send(camera, timedelta(seconds=-4), NOW + minutes(n))
    back = NOW + timedelta(hours=8)
    names = [NOW + minutes(11 + 7 * n) for n in range(40)]  # a night's pictures, sent one a second
    for n, taken in enumerate(names):
        at = back + timedelta(seconds=n)
        moment = send(camera, taken - at, at)
        assert (moment.captured_at, moment.clock_is_wrong) == (taken, False)


def test_what_a_new_camera_has_kept_is_dated_by_its_names_from_the_second_visit_on(camera: Camera):
    visits = [NOW - timedelta(hours=8) + minutes(23 * n) for n in range(6)]
    for n, visit in enumerate(visits):
        for picture in range(4):
            at = NOW + timedelta(seconds=4 * n + picture)
            moment = send(camera, visit + timedelta(seconds=picture) - at, at)
            assert moment.clock_is_wrong == (n == 0)
            assert n == 0 or moment.captured_at == visit + timedelta(seconds=picture)


@pytest.mark.parametrize("offset", [minutes(-60), minutes(-120), minutes(-420)])
def test_a_clock_that_was_right_and_changes_by_whole_hours_stays_live(camera: Camera, offset: timedelta):
    send(camera, timedelta(seconds=-2), NOW - minutes(9))
    send(camera, timedelta(seconds=-3), NOW - minutes(8))
    for n in range(8):
        moment = send(camera, offset - timedelta(seconds=3), NOW + timedelta(seconds=20 * n))
        assert (moment.captured_at, moment.clock_is_wrong) == (NOW + timedelta(seconds=20 * n), True)


def test_a_clock_that_was_right_and_stays_wrong_by_anything_is_found_out(camera: Camera):
    for n in range(8):
        send(camera, timedelta(seconds=-2), NOW + minutes(n))
    later = NOW + minutes(60)
    assert send(camera, minutes(-23.4), later).captured_at < later
    assert send(camera, minutes(-23.4), later + minutes(2)).captured_at == later + minutes(2)


def test_what_a_camera_with_a_wrong_clock_has_kept_is_dated_by_both(camera: Camera):
    for n in range(8):
        send(camera, minutes(60 * -2), NOW + minutes(n))
    taken, at = NOW + minutes(77), NOW + timedelta(hours=9)
    moment = send(camera, taken - minutes(120) - at, at)
    assert (moment.captured_at, moment.clock_is_wrong) == (taken, True)


def test_a_file_that_lay_there_is_dated_by_its_name(camera: Camera):
    moment = determine(camera, clues(minutes(-60), by=MTIME))
    assert (moment.captured_at, moment.source, moment.clock_is_wrong) == (NOW - minutes(60), NAME, False)


def test_a_time_from_a_client_is_believed_despite_a_wrong_camera_clock(camera: Camera):
    camera.clock_correction_seconds = 3600
    moment = determine(camera, clues(timedelta(hours=-30), from_client=True))
    assert (moment.captured_at, moment.clock_is_wrong) == (NOW - timedelta(hours=30), False)


# Clips


def test_a_clip_without_a_time_ended_when_it_arrived(camera: Camera):
    moment = determine(camera, TimeClues(None, NAME, NOW, ARRIVAL, timedelta(seconds=95)))
    assert (moment.captured_at, moment.source) == (NOW - timedelta(seconds=95), ARRIVAL)


def test_a_clip_is_as_long_as_it_is_before_its_arrival(camera: Camera):
    length = minutes(12)
    assert send(camera, timedelta(seconds=-5), NOW, length).captured_at == NOW - length - timedelta(seconds=5)
    assert not Upload.objects.get().clock_skew


def test_a_live_clip_of_a_wrong_clock_began_its_length_ago(camera: Camera):
    moment = send(camera, minutes(-60), NOW, minutes(2))
    assert (moment.captured_at, moment.clock_is_wrong) == (NOW - minutes(2), True)


def test_a_clip_that_is_named_for_its_end_began_its_length_before(camera: Camera):
    moment = send(camera, minutes(3), NOW, minutes(3))
    assert (moment.captured_at, moment.source) == (NOW - minutes(3), NAME)


# The hour that repeats


@pytest.mark.parametrize(
    "arrival", [datetime(2026, 10, 25, 0, 40, tzinfo=UTC), datetime(2026, 10, 25, 1, 40, tzinfo=UTC)]
)
def test_in_the_repeated_hour_the_pass_that_fits_the_arrival_is_chosen(camera: Camera, arrival: datetime):
    moment = determine(camera, TimeClues(datetime(2026, 10, 25, 2, 39, 55), NAME, arrival, ARRIVAL))
    assert (moment.captured_at, moment.clock_is_wrong) == (arrival - timedelta(seconds=5), False)


def test_over_the_end_of_summer_time_a_right_clock_is_right(camera: Camera):
    begin = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)
    moments = [send(camera, timedelta(seconds=-3), begin + minutes(17 * n)) for n in range(12)]
    assert not any(moment.clock_is_wrong for moment in moments)


# What is offered


@pytest.mark.parametrize("offset", [minutes(-60), minutes(-15), minutes(90), minutes(345)])
def test_two_pictures_that_are_off_by_whole_quarters_lead_to_a_suggestion(
    camera: Camera, offset: timedelta, caplog: pytest.LogCaptureFixture
):
    send(camera, offset - timedelta(seconds=2), NOW)
    assert camera.clock_offset_seconds is None
    for n in range(1, 6):
        send(camera, offset - timedelta(seconds=9 + n), NOW + timedelta(seconds=7 * n))
    camera.refresh_from_db()
    assert camera.clock_offset_seconds == offset.total_seconds()
    assert len([line for line in caplog.messages if "The clock of camera door is" in line]) == 1


def test_an_applied_suggestion_corrects_the_times(camera: Camera):
    for n in range(3):
        send(camera, minutes(-90), NOW + timedelta(seconds=n))
    assert suggest_settings(camera, NOW) == {"time_zone": "Europe/Berlin", "clock_correction_seconds": 5400}
    camera.clock_correction_seconds = 5400
    moment = send(camera, minutes(-90) - timedelta(seconds=4), NOW + minutes(1))
    assert (moment.captured_at, moment.source) == (NOW + minutes(1) - timedelta(seconds=4), NAME)
    assert camera.clock_offset_seconds is None


def test_a_clock_that_is_set_right_ends_the_offer(camera: Camera):
    for n in range(3):
        send(camera, minutes(-60), NOW + timedelta(seconds=n))
    send(camera, timedelta(seconds=-1), NOW + minutes(1))
    camera.refresh_from_db()
    assert camera.clock_offset_seconds is None


def test_an_offset_that_is_no_whole_quarter_has_no_suggestion(camera: Camera):
    for n in range(4):
        send(camera, minutes(-22), NOW + minutes(n))
    assert camera.clock_offset_seconds == -22 * 60
    assert suggest_settings(camera, NOW) is None


@pytest.mark.parametrize(
    ("zone", "offset", "offered"),
    [
        ("Europe/Berlin", -7200, ("UTC", 0)),
        ("Europe/Berlin", -3600, ("Etc/GMT-1", 0)),
        ("America/New_York", 4 * 3600, ("UTC", 0)),
        ("America/New_York", -3600, ("Etc/GMT+5", 0)),
        ("Asia/Kolkata", -1800, ("Asia/Kolkata", 1800)),
        ("Asia/Kolkata", -19800, ("UTC", 0)),
        ("Europe/Berlin", 3600, ("Europe/Berlin", -3600)),
    ],
)
def test_what_is_offered_is_the_zone_of_the_clock_where_that_is_plain(zone: str, offset: int, offered: tuple[str, int]):
    camera = factories.camera(time_zone=zone, clock_offset_seconds=offset)
    found = suggest_settings(camera, NOW)
    assert found is not None
    assert (found["time_zone"], found["clock_correction_seconds"]) == offered
    camera.time_zone, camera.clock_correction_seconds = offered
    shown = NOW + timedelta(seconds=offset) + (NOW.astimezone(ZoneInfo(zone)).utcoffset() or timedelta())
    assert determine(camera, TimeClues(shown.replace(tzinfo=None), NAME, NOW, ARRIVAL)).captured_at == NOW


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-3600, "1 h behind"), (5400, "1 h 30 min ahead"), (-600, "10 min behind"), (20, "less than a minute ahead")],
)
def test_an_offset_is_shown_as_text(seconds: int, words: str):
    assert offset_text(seconds) == words


def test_a_usual_name_needs_no_query(camera: Camera, django_assert_num_queries):
    with django_assert_num_queries(0):
        moment = determine(camera, clues(timedelta(seconds=-9)))
        record_clock_offset(camera, moment.clock_offset)


def test_a_clock_at_the_ends_of_the_calendar_is_no_error(camera: Camera):
    for local in (datetime.min, datetime.max):
        moment = determine(camera, TimeClues(local, NAME, NOW, ARRIVAL))
        assert (moment.captured_at, moment.clock_is_wrong, moment.ahead_seconds) == (NOW, True, None)
    camera.clock_correction_seconds = 3600
    assert determine(camera, TimeClues(datetime.max, NAME, NOW, ARRIVAL)).clock_is_wrong
    assert capture_time.history(camera) == []
