"""The measurement of the judgement, on pictures drawn here: that it counts what it says."""

from __future__ import annotations

import json

import numpy as np
import pytest

from detection.detectors import Box, DetectedObject, Detector
from events.analyzers import ANALYZERS
from tests import files
from tests.detection.pictures import encoded, scene
from tests.judge import detection, footage, model, situations
from tests.judge.pictures import Area, KnownObject, LabelledPicture, PicturesError, read
from tests.peers.llm import LlmPeer, verdict_text

pytestmark = pytest.mark.one_engine
PERSON = {"group": "person", "x1": 100, "y1": 100, "x2": 140, "y2": 300}  # large: more than half of 360
CAR = {"group": "vehicle", "x1": 400, "y1": 200, "x2": 440, "y2": 240}  # small


class Told(Detector):
    """A detector that finds what the test says."""

    name = "told"

    def __init__(self, *found):
        self.found = [
            DetectedObject(label, 0.9, Box(left / 640, top / 360, (right - left) / 640, (bottom - top) / 360))
            for label, left, top, right, bottom in found
        ]

    def detect(self, picture):
        return self.found

    def check(self):
        return "well"

    def close(self):
        pass


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "yard.jpg").write_bytes(encoded(scene((640, 360), 0.5)))
    (tmp_path / "truth.json").write_text(json.dumps({"yard.jpg": [PERSON, CAR]}))
    return tmp_path


def counts(folder, *found):
    return detection.measured("told", Told(*found), read(folder), "day")["groups"]


def test_an_object_is_found_by_a_box_that_overlaps_it_or_lies_in_it(folder):
    assert counts(folder, ("person", 100, 100, 140, 300))["person"]["recall"] == 1.0
    assert counts(folder, ("person", 105, 110, 135, 160))["person"]["recall"] == 1.0
    assert counts(folder, ("person", 139, 100, 400, 300))["person"]["recall"] == 0.0
    assert counts(folder, ("car", 100, 100, 140, 300))["person"]["recall"] == 0.0


def test_a_box_is_false_that_touches_no_object_of_its_group(folder):
    found = counts(folder, ("person", 139, 100, 400, 300), ("person", 500, 0, 540, 90), ("truck", 0, 0, 9, 9))
    assert found["person"]["false"] == 1
    assert found["vehicle"]["false"] == 1
    assert found["animal"] == {"objects": 0, "found": 0, "recall": None, "false": 0} | {
        "sizes": found["animal"]["sizes"]
    }


def test_objects_are_counted_by_their_size(folder):
    found = counts(folder, ("van", 400, 200, 440, 240))
    assert found["vehicle"]["sizes"]["small"] == {"objects": 1, "found": 1}
    assert found["person"]["sizes"]["large"] == {"objects": 1, "found": 0}


def test_night_is_dark_grey_noisy_and_always_the_same(folder):
    (picture,) = read(folder)
    day, night = picture.in_light("day"), picture.in_light("night")
    assert (night == picture.in_light("night")).all()
    assert night.mean() < day.mean() / 3
    assert (night[..., 0] == night[..., 2]).all()
    assert np.abs(np.diff(night[..., 0].astype(int), axis=1)).mean() > 3


def test_the_table_has_a_line_for_each_detector_light_and_group(folder):
    lines = detection.table([detection.measured("told", Told(("person", 100, 100, 140, 300)), read(folder), "night")])
    assert lines[0].split()[:4] == ["detector", "light", "group", "recall"]
    assert [line.split()[:4] for line in lines[1:]] == [
        ["told", "night", "person", "1.00"],
        ["told", "night", "vehicle", "0.00"],
    ]


def test_the_built_in_detector_is_always_measured(folder, settings, tmp_path):
    settings.DATA_DIR, settings.MODEL_SOURCE, settings.DETECTOR_MODEL = tmp_path, "", ""
    report = detection.measure(read(folder), list(detection.installed()))
    assert [(entry["detector"], entry["light"]) for entry in report] == [("opencv", "day"), ("opencv", "night")]


@pytest.mark.parametrize("truth", ["", "[]", '{"yard.jpg": [{"group": "person"}]}', '{"missing.jpg": []}'])
def test_a_folder_that_cannot_be_used_is_a_clear_error(folder, truth):
    (folder / "truth.json").write_text(truth)
    with pytest.raises(PicturesError, match=r"truth\.json does not have|missing\.jpg cannot be read"):
        read(folder)


def test_areas_share_what_lies_in_both():
    assert Area(0, 0, 10, 10).shared(Area(5, 5, 20, 20)) == 25
    assert not Area(0, 0, 10, 10).finds(Area(10, 10, 20, 20))


HERE = Area(10, 20, 30, 80)
POST, VISITOR = ("person", 10, 20, 30, 80), ("person", 100, 20, 120, 80)


class OfTheYard(Detector):
    """A detector that finds a post as a person in each picture, and a visitor in each third picture."""

    name = "of_the_yard"

    def __init__(self):
        self.looked_at = 0

    def detect(self, picture):
        assert picture.size == (160, 96)
        self.looked_at += 1
        found = [POST, VISITOR] if self.looked_at % 3 == 0 else [POST]
        return [
            DetectedObject(label, 0.9, Box(x1 / 160, y1 / 96, (x2 - x1) / 160, (y2 - y1) / 96))
            for label, x1, y1, x2, y2 in found
        ]

    def check(self):
        return "well"

    def close(self):
        pass


@pytest.fixture
def yard(tmp_path):
    """A video of 24 seconds with two labelled frames in which the visitor is shown, in seconds 2 and 20."""
    files.mp4(tmp_path / "vtest.avi", frames=5 * 24, rate=5)
    visitor = dict(zip(("x1", "y1", "x2", "y2"), VISITOR[1:], strict=True)) | {"group": "person"}
    truth = {"square-0012.jpg": [visitor], "square-0103.jpg": [visitor], "other.jpg": []}
    (tmp_path / "pictures").mkdir()
    for name in truth:
        (tmp_path / "pictures" / name).write_bytes(files.jpeg())
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    return tmp_path


def test_a_video_is_shown_at_one_picture_a_second_with_the_labelled_frames_among_them(yard):
    labelled = {picture.frame: picture for picture in read(yard) if picture.scene == "square"}
    seconds = list(footage.seconds_of(yard / "vtest.avi", labelled))
    assert len(seconds) == 24
    assert {n: one.labelled.frame for n, one in enumerate(seconds) if one.labelled} == {2: 12, 20: 103}


def test_of_a_video_the_post_is_false_until_it_is_remembered_and_the_visitor_is_not_held_back(yard):
    detector = OfTheYard()
    (entry,) = footage.measure(yard, [("told", detector)], read(yard))
    assert (detector.looked_at, entry["pictures"], entry["learned_after"]) == (24, 24, 10)
    one = {"pictures": 1, "objects": 1, "found": 1, "held_back": 0}
    assert entry["before"]["person"] == one | {"false": 1}
    assert entry["after"]["person"] == one | {"false": 0}
    assert footage.table([entry])[1].split() == [
        "vtest.avi", "told", "10", "s", "person", "2/2", "0", "1.00", "0.00",
    ]  # fmt: skip


def test_an_object_that_only_a_static_box_finds_is_held_back():
    count = footage.Count()
    picture = LabelledPicture(
        "square-0000.jpg", np.zeros((96, 160, 3), np.uint8), (KnownObject("person", HERE, "large"),)
    )
    footage.add(count, picture, "person", [("person", HERE, "static")])
    assert (count.found, count.held_back, count.false) == (0, 1, 0)
    footage.add(count, picture, "person", [("person", HERE, "static"), ("person", HERE, "")])
    assert (count.found, count.held_back, count.false) == (1, 1, 0)


def test_without_videos_there_is_nothing_to_report(yard, tmp_path):
    assert footage.measure(tmp_path / "nowhere", [("told", OfTheYard())], read(yard)) == []


HEAD = (
    "situation,per_day,wanted_level,camera,place,local_time,duration_seconds,pictures,seen,nearby,"
    "days_in_ten_seen_at_this_hour\n"
)
NIGHT = "a person in the garden,0.5,critical,Garden,private,03:00,4,3,person x2 at 0.90,,0\n"
CAT = "a cat,1.5,medium,Garden,private,12:00,0,1,cat x1 at 0.70,,10\n"


def test_the_situations_of_the_folder_are_measured_by_their_number_per_day(tmp_path):
    (tmp_path / "situations.csv").write_text(HEAD + NIGHT + CAT)
    rows = situations.read(tmp_path)
    assert [(len(row.context.seen), row.context.image_count) for row in rows] == [(6, 3), (1, 1)]
    report = situations.measure(rows)
    assert (report["rows"], report["at_wanted_level"], report["off_by_two"]) == (2, 1, 0)
    assert report["shares"] == {"low": 0.75, "medium": 0.0, "high": 0.0, "critical": 0.25}
    lines = situations.table(report)
    assert lines[1].split()[1:3] == ["critical", "critical"]
    assert lines[2].endswith("<-")
    assert "1 of 2 at the wanted level, 0 off by two" in lines[-1]


@pytest.mark.parametrize(
    "row", [NIGHT.replace("critical", "severe"), NIGHT.replace("x2 at", "x at"), NIGHT.replace("03:00", "3 o'clock")]
)
def test_a_table_of_situations_that_cannot_be_read_is_a_clear_error(tmp_path, row):
    (tmp_path / "situations.csv").write_text(HEAD + row)
    with pytest.raises(situations.SituationsError, match=r"situations\.csv cannot be used"):
        situations.read(tmp_path)


def test_at_most_two_inventions_pass_the_checks_and_no_sound_sentence_is_rejected() -> None:
    report = model.measure_checks(situations.read(situations.OWN.parent))
    assert (report["invented"], report["sound"]) == (27, 10)
    assert report["invented_passed"] <= 2
    assert [one["summary"] for one in report["answers"] if one["kind"] == "sound" and one["rejected"]] == []
    assert "language model: not configured (NEMOTRON_URL)" in model.table(report, None)


@pytest.mark.django_db
def test_a_configured_model_is_measured_by_accepted_and_rejected_answers(settings) -> None:
    with LlmPeer(apis=("openai",)) as peer:
        settings.ANALYZER, settings.NEMOTRON_URL, settings.NEMOTRON_API = "llm", peer.url, "openai"
        peer.says(verdict_text(summary="Nothing was seen."))
        report = model.measure_model(situations.read(situations.OWN.parent), most=4)
        ANALYZERS.close()
    assert report is not None
    assert (report["events"], report["accepted"], report["rejected"]) == (4, 3, {"denial": 1})
    assert (
        "language model: 3 of 4 answers accepted; rejected: denial 1;"
        in model.table(model.measure_checks(situations.read(situations.OWN.parent)), report)[-1]
    )
