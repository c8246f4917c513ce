"""What the names of every vendor say, and what names that say nothing do."""

# Naive times are what this module is about.
# ruff: noqa: DTZ001, DTZ901

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.intake.capture_time import MAX_PAST, resolve_local_time
from cameras.naming.file_names import ParsedName, parse

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
TIME = datetime(2024, 1, 15, 14, 30, 52)


@pytest.mark.parametrize(
    ("path", "vendor", "trigger"),
    [
        ("FI9900P_00626E5A1B2C/snap/MDAlarm_20240115-143052.jpg", "foscam", "motion"),
        ("FI9900P_00626E5A1B2C/snap/HMDAlarm_20240115-143052.jpg", "foscam", "person"),
        ("FI9900P_00626E5A1B2C/snap/Schedule_20240115-143052.jpg", "foscam", "schedule"),
        ("FI9900P_00626E5A1B2C/record/MDalarm_20240115_143052.mkv", "foscam", "motion"),
        ("FI9900P_00626E5A1B2C/record/MDalarm_20240115_143052.avi", "foscam", "motion"),
        ("FI9900P_00626E5A1B2C/record/alarm_20240115_143052.mkv", "foscam", "alarm"),
        ("4A02E53PAG/2024-01-15/001/jpg/14/30/52[M][0@0][0].jpg", "dahua", "motion"),
        ("4A02E53PAG/2024-01-15/001/jpg/14/30.52[R][0@0][0].jpg", "dahua", "schedule"),
        ("4A02E53PAG/2024-01-15/pic_001/14.30.52[A][0@0][0].jpg", "dahua", "alarm"),
        ("4A02E53PAG/2024-01-15/001/dav/14/14.30.52-14.31.12[M][0@0][0].mp4", "dahua", "motion"),
        ("4A02E53PAG/2024-01-15/001/dav/14/14.30.52-14.31.12[I][0@0][0].dav", "dahua", "smart"),
        ("2024/01/15/Front Door_01_20240115143052.jpg", "reolink", ""),
        ("2024/01/15/Front Door_01_20240115143052.mp4", "reolink", ""),
        ("Front Door_01_20240115143052.jpg", "reolink", ""),
        ("garden_20240115143052_4_trg.jpg", "vivotek", "event"),
        ("garden_20240115143052_3_pre.jpg", "vivotek", "event"),
        ("garden_20240115143052_5_pos.jpg", "vivotek", "event"),
        ("SNAP_CH01_2024_01_15_14_30_52_23978.jpg", "annke", ""),
        ("2024Y01M15D14H/30M52S23.mp4", "yi", "motion"),
    ],
)
def test_a_name_holds_capture_time_and_trigger(path: str, vendor: str, trigger: str) -> None:
    named = parse(path)

    assert named is not None
    assert (named.local, named.pattern, named.trigger) == (TIME, vendor, trigger)


@pytest.mark.parametrize(
    ("path", "channel"),
    [
        ("4A02E53PAG/2024-01-15/002/jpg/14/30/52[M][0@0][0].jpg", "002"),
        ("4A02E53PAG/2024-01-15/002/dav/14/14.30.52-14.31.12[M][0@0][0].mp4", "002"),
        ("4A02E53PAG/2024-01-15/pic_001/14.30.52[A][0@0][0].jpg", ""),
        ("Front Door_03_20240115143052.jpg", "03"),
        ("10.0.0.1_02_20240115143052422_TIMING.jpg", "02"),
        ("SNAP_CH16_2024_01_15_14_30_52_23978.jpg", "16"),
        ("garden_20240115143052_4_trg.jpg", ""),
        ("2024Y01M15D14H/30M52S23.mp4", ""),
    ],
)
def test_a_name_holds_the_channel_of_a_recorder(path: str, channel: str) -> None:
    named = parse(path)

    assert named is not None
    assert named.channel == channel


@pytest.mark.parametrize("folder", ["", "20190319/"])
@pytest.mark.parametrize(
    ("kind", "trigger"),
    [
        ("MOTION_DETECTION", "motion"),
        ("TIMING", "schedule"),
        ("LINE_CROSSING_DETECTION", "line"),
        ("FIELD_DETECTION", "intrusion"),
        ("FACE_DETECTION", "face"),
        ("AB123CD_PLATE", "plate"),
        ("SOMETHING_NEW", "event"),
    ],
)
def test_hikvision_names_hold_milliseconds(folder: str, kind: str, trigger: str) -> None:
    named = parse(f"{folder}192.168.0.64_01_20190319093422939_{kind}.jpg")

    assert named == ParsedName(datetime(2019, 3, 19, 9, 34, 22, 939000), "hikvision", trigger, "01")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "image.jpg",
        "MDAlarm_20240230-143052.jpg",
        "MDAlarm_20240115-243052.jpg",
        "MDAlarm_20240115-143060.jpg",
        "MDAlarm_00000115-143052.jpg",
        "2024-13-01/001/jpg/14/30/52[M][0@0][0].jpg",
        "001/jpg/14/30/52[M][0@0][0].jpg",
        "2024Y01M15D24H/30M52S23.mp4",
        "MDAlarm_20240115-143052.jpg/other",
        "MDAlarm_20240115-143052.jpg\n",
        "MDAlarm_٢٠٢٤٠١١٥-143052.jpg",
    ],
)
def test_a_name_without_a_real_date_is_ignored(path: str) -> None:
    assert parse(path) is None


def test_a_reolink_name_may_hold_newlines_and_quotes() -> None:
    assert parse("a \"b\"\n'c'_01_20240115143052.jpg") == ParsedName(TIME, "reolink", "", "01")


moments = st.datetimes(datetime(1970, 1, 1), datetime(2099, 12, 31)).map(lambda t: t.replace(microsecond=0))


@given(moments, st.sampled_from(["MDAlarm_%Y%m%d-%H%M%S.jpg", "s/%Y-%m-%d/001/jpg/%H/%M/%S[M][0@0][0].jpg",
       "s/%Y-%m-%d/001/dav/%H/%H.%M.%S-23.59.59[M][0@0][0].mp4", "%Y/%m/%d/A b_01_%Y%m%d%H%M%S.mp4",
       "10.0.0.1_01_%Y%m%d%H%M%S000_TIMING.jpg", "p_%Y%m%d%H%M%S_1_pre.jpg",
       "SNAP_CH16_%Y_%m_%d_%H_%M_%S_1.jpg", "%YY%mM%dD%HH/%MM%SS59.mp4"]))  # fmt: skip
def test_every_time_survives_the_way_through_a_name(local: datetime, layout: str) -> None:
    named = parse(local.strftime(layout))

    assert named is not None
    assert named.local == local


@given(st.text(alphabet="aMDAlarm_0129-./[]ä\n") | st.from_regex(r"[0-9_\-/.\[\]MDAlarmSjpg]{0,300}"))
def test_no_name_raises(path: str) -> None:
    named = parse(path)

    assert named is None or named.local.tzinfo is None


@pytest.mark.parametrize(
    "piece", ["_", "_01_20240115143052", "/2024-01-15/", "a/", "alarm_", "_01_20240115143052939_A", "0"]
)
def test_the_time_to_read_a_hostile_name_grows_with_its_length_only(piece: str) -> None:
    path = (piece * 4096)[:4096]
    started = time.process_time()
    for _ in range(20):
        parse(path)

    assert (time.process_time() - started) / 20 < 0.02


@pytest.mark.parametrize(
    ("zone", "local", "utc"),
    [
        # Spring: the hour from 2 to 3 is left out.
        (BERLIN, datetime(2024, 3, 31, 1, 59, 59), datetime(2024, 3, 31, 0, 59, 59)),
        (BERLIN, datetime(2024, 3, 31, 2, 30), datetime(2024, 3, 31, 1, 30)),
        (BERLIN, datetime(2024, 3, 31, 3, 0), datetime(2024, 3, 31, 1, 0)),
        (NEW_YORK, datetime(2024, 3, 10, 1, 59, 59), datetime(2024, 3, 10, 6, 59, 59)),
        (NEW_YORK, datetime(2024, 3, 10, 2, 30), datetime(2024, 3, 10, 7, 30)),
        (NEW_YORK, datetime(2024, 3, 10, 3, 0), datetime(2024, 3, 10, 7, 0)),
        # Autumn: an hour repeats, the pass is meant that fits the arrival.
        (BERLIN, datetime(2024, 10, 27, 2, 30), datetime(2024, 10, 27, 0, 30)),
        (BERLIN, datetime(2024, 10, 27, 2, 30), datetime(2024, 10, 27, 1, 30)),
        (BERLIN, datetime(2024, 10, 27, 3, 0), datetime(2024, 10, 27, 2, 0)),
        (NEW_YORK, datetime(2024, 11, 3, 1, 30), datetime(2024, 11, 3, 5, 30)),
        (NEW_YORK, datetime(2024, 11, 3, 1, 30), datetime(2024, 11, 3, 6, 30)),
        (NEW_YORK, datetime(2024, 11, 3, 2, 0), datetime(2024, 11, 3, 7, 0)),
    ],
)
def test_a_local_time_on_a_change_over_day_is_read_in_the_zone_of_the_camera(
    zone: ZoneInfo, local: datetime, utc: datetime
) -> None:
    taken = utc.replace(tzinfo=UTC)

    assert resolve_local_time(local, zone, arrival=taken + timedelta(minutes=2)) == (taken, False)


@pytest.mark.parametrize(
    ("ahead", "skewed"),
    [
        (timedelta(minutes=5), False),
        (timedelta(minutes=5, seconds=1), True),
        (-MAX_PAST, False),
        (-MAX_PAST - timedelta(seconds=1), True),
    ],
)
def test_a_time_that_cannot_be_is_replaced_by_arrival(ahead: timedelta, skewed: bool) -> None:
    arrival = datetime(2024, 6, 1, 12, tzinfo=UTC)
    local = (arrival + ahead).replace(tzinfo=None)

    assert resolve_local_time(local, ZoneInfo("UTC"), arrival) == (arrival if skewed else arrival + ahead, skewed)


@pytest.mark.parametrize("local", [datetime.min, datetime.max])
def test_the_ends_of_the_calendar_are_a_wrong_clock_not_an_error(local: datetime) -> None:
    arrival = datetime(2024, 6, 1, 12, tzinfo=UTC)

    for zone in (BERLIN, NEW_YORK):
        assert resolve_local_time(local, zone, arrival) == (arrival, True)
