"""Drawn cameras: what they show, how they name it, how they write it, and when."""

from __future__ import annotations

import io
import itertools
import re
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import av
import cv2
import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image, UnidentifiedImageError

from cameras.simulation.camera import FAULT_EVERY, REPEAT_EVERY, SimulatedCamera
from cameras.simulation.runner import Simulation, demo_cameras, load_test_uploads
from cameras.simulation.scenario import Actor, Scenario
from cameras.simulation.scene import Scene
from cameras.simulation.vendors import PIECE_BYTES, VENDORS, SimulatedVendor
from tests.engines.environment import ROOT

START = datetime(2026, 6, 15, 12, 0, 0, tzinfo=UTC)
PLACES = ["front_door", "driveway", "garden"]
PATTERNS = {
    "Foscam": r"[A-Z0-9]+_[0-9A-F]{12}/snap/(MDAlarm|Schedule)_(\d{8})-(\d{6})\.jpg",
    "Amcrest": r"\w+/(\d{4}-\d\d-\d\d)/001/jpg/(\d\d)/(\d\d)/(\d\d)\[[MR]\]\[0@0\]\[0\]\.jpg",
    "Reolink": r"(\d{4})/(\d\d)/(\d\d)/[\w ]+_01_(\d{14})\.(jpg|mp4)",
    "Hikvision": r"(\d{8})/192\.168\.0\.\d+_01_(\d{17})_(MOTION_DETECTION|TIMING)\.jpg",
    "Vivotek": r"\w+_(\d{14})_\d_(pre|trg|pos)\.jpg",
    "Annke": r"SNAP_CH01_(\d{4})_(\d\d)_(\d\d)_(\d\d)_(\d\d)_(\d\d)_(\d{5})\.jpg",
}


def _cameras(root: Path, count: int = 3, seed: int = 1, **options: bool) -> list[SimulatedCamera]:
    return demo_cameras(root, count, seed, zone=UTC, **options)


def _run(simulation: Simulation, seconds: float) -> None:
    now = START
    while now <= START + timedelta(seconds=seconds):
        now += timedelta(seconds=max(0.001, simulation.step(now)))


def _files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def _finds_people(jpeg: bytes) -> bool:
    hog = cv2.HOGDescriptor()
    hog.setSVMDetector(np.array(cv2.HOGDescriptor.getDefaultPeopleDetector()))
    pixels = np.asarray(Image.open(io.BytesIO(jpeg)))
    boxes, _ = hog.detectMultiScale(pixels, hitThreshold=0, winStride=(8, 8), padding=(8, 8), scale=1.05)
    return len(boxes) > 0


def _in_sight(actors: tuple[Actor, ...]) -> bool:
    return any(actor.kind == "person" and 40 < actor.x < 600 for actor in actors)


def _share_with_people_found(place: str, *, night: bool) -> float:
    story, scene = Scenario(place, "1"), Scene(place, "Camera", night)
    pictures: list[bytes] = []
    at = 0.0
    while len(pictures) < 10:
        visit = story.next_visit(at)
        moments = [visit.start + visit.length * share for share in (0.2, 0.35, 0.6, 0.8)]
        shown = [moment for moment in moments if _in_sight(story.actors_at(moment))]
        pictures += [scene.jpeg(story.actors_at(moment), START + timedelta(seconds=moment)) for moment in shown]
        at = visit.end
    return sum(map(_finds_people, pictures)) / len(pictures)


@pytest.mark.parametrize("place", PLACES)
def test_a_people_detector_finds_people_in_most_day_pictures_that_show_them(place):
    assert _share_with_people_found(place, night=False) >= 0.8


@pytest.mark.parametrize("place", PLACES)
def test_a_people_detector_finds_people_in_many_night_pictures(place):
    assert _share_with_people_found(place, night=True) >= 0.5


@pytest.mark.parametrize("night", [False, True])
@pytest.mark.parametrize("place", PLACES)
def test_a_people_detector_finds_no_one_in_empty_pictures(place, night):
    scene = Scene(place, "Camera", night)
    pictures = [scene.jpeg((), START + timedelta(seconds=step, milliseconds=step)) for step in range(4)]
    assert sum(map(_finds_people, pictures)) == 0


def test_a_night_picture_is_grey_and_darker_than_by_day():
    day = np.asarray(Scene("garden", "Garden").draw((), START), dtype=int)
    night = np.asarray(Scene("garden", "Garden", night=True).draw((), START), dtype=int)
    away_from_text = night[40:300]
    assert (away_from_text.max(axis=2) - away_from_text.min(axis=2)).max() == 0
    assert night.mean() < day.mean() * 0.8


def test_the_overlay_shows_the_time():
    scene = Scene("garden", "Garden")
    first, later = (
        np.asarray(scene.draw((), START + timedelta(seconds=step)), dtype=int)[5:30, 5:200] for step in (0, 8)
    )
    assert (np.abs(first - later).max(axis=2) > 100).sum() > 10


def test_a_scenario_is_determined_by_its_seed():
    moments = [step * 1.7 for step in range(120)]
    forwards = [story.actors_at(moment) for story in [Scenario("front_door", "7")] for moment in moments]
    backwards = [story.actors_at(moment) for story in [Scenario("front_door", "7")] for moment in reversed(moments)]
    other = [story.actors_at(moment) for story in [Scenario("front_door", "8")] for moment in moments]
    assert forwards == backwards[::-1]
    assert forwards != other


def test_visits_are_separated_by_pauses():
    story = Scenario("driveway", "3")
    visits, at = [], 0.0
    for _ in range(20):
        visits.append(story.next_visit(at))
        at = visits[-1].end
    pauses = [after.start - before.end for before, after in itertools.pairwise(visits)]
    assert min(pauses) >= 20
    assert max(pauses) <= 40
    assert all(6 <= visit.length <= 10 for visit in visits)
    assert all(story.actors_at(visit.end + 1) == () for visit in visits)
    assert sum(visit.has_people for visit in visits) >= 8


def test_the_first_person_is_uploaded_within_three_seconds(tmp_path):
    _run(Simulation(_cameras(tmp_path)), 3)
    assert any(_finds_people(data) for data in _files(tmp_path / "front_door").values())


def test_the_same_seed_uploads_the_same_bytes_under_the_same_names(tmp_path):
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        _run(Simulation(_cameras(tmp_path / name, seed=seed)), 14)
    assert _files(tmp_path / "a") == _files(tmp_path / "b")
    assert _files(tmp_path / "a") != _files(tmp_path / "c")


def test_every_vendor_has_its_own_file_names(tmp_path):
    cameras = _cameras(tmp_path, 6)
    _run(Simulation(cameras), 12)
    assert [camera.vendor.name for camera in cameras] == list(PATTERNS)
    for camera in cameras:
        names = list(_files(tmp_path / camera.folder))
        assert names
        assert [name for name in names if not re.fullmatch(PATTERNS[camera.vendor.name], name)] == []


def test_names_hold_the_local_time_of_the_camera(tmp_path):
    cameras = demo_cameras(tmp_path, 6, 1, zone=ZoneInfo("Europe/Berlin"))
    names = {camera.vendor.name: str(camera.upload(START).relative_to(tmp_path / camera.folder)) for camera in cameras}
    assert names["Foscam"].endswith("_20260615-140000.jpg")
    assert "/2026-06-15/001/jpg/14/00/00[" in names["Amcrest"]
    assert names["Reolink"] == "2026/06/15/Garden_01_20260615140000.jpg"
    assert "_20260615140000000_" in names["Hikvision"]
    assert "_20260615140000_" in names["Vivotek"]
    assert names["Annke"].startswith("SNAP_CH01_2026_06_15_14_00_00_")


def test_uploads_of_one_second_do_not_overwrite_each_other(tmp_path):
    for camera in _cameras(tmp_path, 6):
        paths = [camera.upload(START + timedelta(milliseconds=10 * step)) for step in range(5)]
        assert len(set(paths)) == 5
        assert len(_files(tmp_path / camera.folder)) == 5


def test_a_second_run_does_not_overwrite_the_first(tmp_path):
    first = _cameras(tmp_path)[0].upload(START)
    second = _cameras(tmp_path)[0].upload(START)
    assert first != second
    assert first.exists()


class _Watched(io.FileIO):
    """A file that tells, after every write, which names its folder holds."""

    seen: list[set[str]] = []

    def write(self, data):
        written = super().write(data)
        self.seen.append({path.name for path in Path(self.name).parent.iterdir()})
        return written


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
def test_a_vendor_that_renames_never_shows_an_unfinished_file_under_its_final_name(
    vendor: SimulatedVendor, tmp_path, monkeypatch
):
    monkeypatch.setattr(_Watched, "seen", [])
    monkeypatch.setattr(Path, "open", lambda path, mode, buffering: _Watched(str(path), mode))
    vendor.write(tmp_path / "deep" / "one.jpg", b"x" * (2 * PIECE_BYTES + 1))
    assert _Watched.seen == [{"one.jpg" + vendor.temporary}] * 3
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["one.jpg"]
    assert (tmp_path / "deep" / "one.jpg").stat().st_size == 2 * PIECE_BYTES + 1


def test_some_vendors_write_in_place_and_some_rename():
    assert {vendor.temporary for vendor in VENDORS} == {"", ".tmp", ".part"}


def test_a_visit_ends_with_a_clip_from_the_camera_that_records(tmp_path):
    camera = _cameras(tmp_path)[2]
    _run(Simulation([camera]), camera.scenario.next_visit(0).end + 2)
    clips = list(tmp_path.rglob("*.mp4"))
    assert len(clips) == 1
    assert re.fullmatch(PATTERNS["Reolink"], str(clips[0].relative_to(tmp_path / "garden")))
    with av.open(str(clips[0])) as container:
        assert len(list(container.decode(video=0))) == 20


def test_stills_come_at_the_rate_while_something_moves_and_rarely_otherwise(tmp_path):
    camera = _cameras(tmp_path)[1]
    visit = camera.scenario.next_visit(0)
    _run(Simulation([camera], rate=2), visit.end + 18)
    stills = [path.stat() for path in tmp_path.rglob("*.jpg")]
    assert 2 * (visit.length - 3) <= len(stills) <= 2 * visit.length + 2


def test_a_step_returns_the_time_until_the_next_upload(tmp_path):
    camera = _cameras(tmp_path)[0]
    simulation = Simulation([camera])
    assert simulation.step(START) == pytest.approx(2.0)
    assert simulation.step(START + timedelta(seconds=0.5)) == pytest.approx(1.5)
    assert simulation.uploaded == 1
    simulation.step(START + timedelta(hours=3))
    assert simulation.uploaded == 2


def test_now_and_then_one_camera_repeats_a_picture_exactly(tmp_path):
    first, second = _cameras(tmp_path)[:2]
    for camera in (first, second):
        for step in range(REPEAT_EVERY):
            camera.upload(START + timedelta(seconds=step))
    assert len(set(_files(tmp_path / "front_door").values())) == REPEAT_EVERY - 1
    assert len(set(_files(tmp_path / "driveway").values())) == REPEAT_EVERY


@pytest.mark.parametrize(("faults", "broken"), [(False, 0), (True, 1)])
def test_a_picture_is_cut_off_only_where_faults_are_wanted(tmp_path, faults, broken):
    camera = _cameras(tmp_path, faults=faults)[1]
    for step in range(FAULT_EVERY):
        camera.upload(START + timedelta(seconds=step))
    assert sum(not _is_whole(data) for data in _files(tmp_path).values()) == broken


def _is_whole(data: bytes) -> bool:
    try:
        Image.open(io.BytesIO(data)).load()
    except (OSError, UnidentifiedImageError):
        return False
    return True


def test_more_cameras_than_places_are_numbered_and_differ(tmp_path):
    cameras = _cameras(tmp_path, 64)
    assert [camera.folder for camera in cameras[:5]] == [*PLACES, "camera_04", "camera_05"]
    assert len({camera.folder for camera in cameras}) == 64
    assert cameras[0].scenario.next_visit(60) != cameras[3].scenario.next_visit(60)
    assert [camera.scene.night for camera in cameras[:6]] == [False, False, True, True, True, False]


@pytest.mark.parametrize(("duplicates", "different"), [(False, 60), (True, 18)])
def test_a_load_test_sends_different_bytes_unless_duplicates_are_wanted(tmp_path, duplicates, different):
    sent = list(itertools.islice(load_test_uploads(_cameras(tmp_path), START, duplicates=duplicates), 60))
    files = _files(tmp_path)
    assert len(sent) == len(files) == 60
    assert len(set(files.values())) == different
    assert all(map(_is_whole, files.values()))


def test_the_command_uploads_as_many_as_asked(tmp_path, capsys):
    call_command("simulate_cameras", "--fast", "--count", "5", "--root", str(tmp_path))
    assert len(_files(tmp_path)) == 5
    assert "5 uploads from 3 cameras" in capsys.readouterr().out


def test_the_command_keeps_pace_until_its_count(tmp_path):
    call_command("simulate_cameras", "--cameras", "4", "--count", "3", "--root", str(tmp_path))
    assert len(_files(tmp_path)) == 3


def test_the_command_gives_the_signal_handlers_back(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    call_command("simulate_cameras", "--fast", "--count", "1", "--root", str(tmp_path))
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_command_runs_outside_the_main_thread(tmp_path):
    arguments = ["simulate_cameras", "--fast", "--count", "2", "--root", str(tmp_path)]
    thread = threading.Thread(target=call_command, args=arguments)
    thread.start()
    thread.join(30)
    assert len(_files(tmp_path)) == 2


@pytest.mark.parametrize(
    "wrong",
    [("--cameras", "0"), ("--cameras", "65"), ("--rate", "0"), ("--rate", "nan"), ("--count", "0"), ("--duplicates",)],
)
def test_the_command_refuses_invalid_options(tmp_path, wrong):
    with pytest.raises(CommandError, match=wrong[0]):
        call_command("simulate_cameras", *wrong, "--root", str(tmp_path))
    assert _files(tmp_path) == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_the_command_stops_promptly_on_a_signal(tmp_path, name):
    command = [sys.executable, "manage.py", "simulate_cameras", "--root", str(tmp_path), "--seed", "1"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        until = threading.Event()
        for _ in range(300):
            if list(tmp_path.rglob("*.jpg")):
                break
            until.wait(0.1)
        process.send_signal(name)
        output, _ = process.communicate(timeout=10)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "uploads from 3 cameras" in output
