from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError

from cameras.files.tree import Tree
from cameras.intake import camera_lookup
from cameras.intake.accept import IntakeResult, accept_file
from cameras.models import Camera, Upload
from cameras.naming import recorder_channels
from cameras.naming.recorder_channels import guess_channel, match_channel, suggest_pattern, validate_pattern
from tests import factories, files

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_noticed() -> None:
    recorder_channels.forget()


@pytest.fixture
def recorder() -> Camera:
    return factories.camera("nvr", channel_pattern="NVR_{channel}_", time_zone="Asia/Tokyo")


@pytest.mark.parametrize(
    ("pattern", "below", "channel"),
    [
        ("NVR_{channel}_", "NVR_00_20240115143052.jpg", "00"),
        ("NVR_{channel}_", "2024/01/15/nvr_07_20240115143052.jpg", "07"),
        ("SNAP_CH{channel}_", "SNAP_CH02_2022_10_14_14_15_35_23978.jpg", "02"),
        ("/{channel}/", "4M0/2024-01-15/003/jpg/14/30/52[M][0@0][0].jpg", "003"),
        ("cam({channel}).", "cam(A1).jpg", "a1"),
        ("NVR_{channel}_", "other_00_20240115143052.jpg", ""),
        ("NVR_{channel}_", "NVR_12345678901234567_1.jpg", ""),
        ("NVR_{channel}_", "NVR_../_1.jpg", ""),
    ],
)
def test_a_pattern_finds_a_short_plain_channel_or_none(pattern: str, below: str, channel: str):
    validate_pattern(pattern)
    assert match_channel(pattern, below) == channel


@pytest.mark.parametrize("pattern", ["NVR_", "{channel}", "{channel}_{channel}", "a\n{channel}"])
def test_a_pattern_needs_the_channel_once_and_something_beside_it(pattern: str):
    with pytest.raises(ValidationError):
        validate_pattern(pattern)


def test_each_channel_is_a_camera_of_its_own(recorder: Camera):
    paths = [f"nvr/NVR_{n:02d}_2024011514305{n}.jpg" for n in (0, 1, 0)]
    found = [camera_lookup.get_or_create_camera_for_path(path) for path in paths]
    assert [(one.pk, one.folder, one.name, one.time_zone) for one in found] == [
        ("nvr_00", "nvr/00", "Nvr 00", "Asia/Tokyo"),
        ("nvr_01", "nvr/01", "Nvr 01", "Asia/Tokyo"),
        ("nvr_00", "nvr/00", "Nvr 00", "Asia/Tokyo"),
    ]
    assert found[0].root_folder == "nvr"
    assert [camera_lookup.camera_for_path(path) for path in paths] == found


def test_a_lookup_creates_no_camera(recorder: Camera):
    assert camera_lookup.camera_for_path("nvr/NVR_00_20240115143050.jpg") is None
    assert camera_lookup.camera_for_path("attic/a.jpg") is None
    assert Camera.objects.get() == recorder


def test_a_channel_becomes_a_camera_with_its_first_file_that_is_one(recorder: Camera, data_dir: Path):
    tree = Tree(data_dir / "cameras")
    (tree.root / "nvr").mkdir()
    path = "nvr/NVR_00_1.jpg"
    (tree.root / path).write_bytes(files.jpeg()[:-400])
    assert accept_file(tree, path, final=False) is IntakeResult.INCOMPLETE
    assert Camera.objects.get() == recorder
    (tree.root / path).write_bytes(files.jpeg())
    assert accept_file(tree, path, final=False) is IntakeResult.ACCEPTED
    assert Upload.objects.get().camera.folder == "nvr/00"


def test_two_channels_that_show_the_same_are_two_cameras_though_the_file_of_one_is_gone(
    recorder: Camera, data_dir: Path
):
    tree = Tree(data_dir / "cameras")
    (tree.root / "nvr").mkdir()
    for number, name in enumerate(("NVR_00_1.jpg", "NVR_01_2.jpg", "NVR_01_3.jpg")):
        (tree.root / "nvr" / name).write_bytes(files.jpeg())
        os.utime(tree.root / "nvr" / name, (number, number))
        took = accept_file(tree, f"nvr/{name}", final=True)
        assert took is (
            IntakeResult.KNOWN if name == "NVR_01_3.jpg" else IntakeResult.ACCEPTED
        )  # renamed within its channel
        (tree.root / "nvr" / name).unlink()
    assert [*Upload.objects.order_by("pk").values_list("camera", "path")] == [
        ("nvr_00", "nvr/NVR_00_1.jpg"),
        ("nvr_01", "nvr/NVR_01_3.jpg"),
    ]


def test_a_file_without_a_channel_belongs_to_the_recorder(recorder: Camera):
    assert camera_lookup.camera_for_path("nvr/other.jpg") == recorder
    assert camera_lookup.camera_for_path("nvr") is None


def test_what_came_for_a_channel_over_http_is_of_that_channel(recorder: Camera):
    channel = factories.camera("nvr_04", folder="nvr/04")
    assert camera_lookup.camera_for_path("nvr/04/http/20240115/0a1b2c3d/a.jpg") == channel
    assert camera_lookup.camera_for_path("nvr/04/http/20240115/0a1b2c3d-abc/client-time/NVR_05_1.jpg") == channel
    assert camera_lookup.camera_for_path("nvr/05/http/20240115/0a1b2c3d/a.jpg") == recorder


def test_an_http_upload_for_a_recorder_belongs_to_the_recorder_despite_its_name(recorder: Camera):
    assert camera_lookup.camera_for_path("nvr/http/20240115/0a1b2c3d/NVR_05_1.jpg") == recorder


def test_a_paused_recorder_pauses_its_channels(recorder: Camera):
    Camera.objects.filter(pk="nvr").update(enabled=False)
    found = camera_lookup.camera_for_path("nvr/NVR_00_20240115143052.jpg")
    assert found is not None
    assert (found.pk, found.enabled) == ("nvr", False)
    assert Camera.objects.count() == 1


def test_file_names_create_no_more_cameras_than_a_recorder_may_have(
    recorder: Camera, monkeypatch: pytest.MonkeyPatch, settings
):
    monkeypatch.setattr(recorder_channels, "MAX_CHANNELS", 2)
    found = [camera_lookup.get_or_create_camera_for_path(f"nvr/NVR_{n:02d}_1.jpg") for n in range(4)]
    assert [one.pk for one in found] == ["nvr_00", "nvr_01", "nvr", "nvr"]
    settings.CAMERA_AUTO_CREATE = False
    assert camera_lookup.camera_for_path("nvr/NVR_77_1.jpg") is None


def test_without_a_pattern_no_name_creates_a_camera_and_several_channels_are_logged_once(
    caplog: pytest.LogCaptureFixture,
):
    camera = factories.camera("yard")
    for name in ("Yard_00_20240115143052.jpg", "Yard_00_20240115143053.jpg", "Yard_01_20240115143052.jpg") * 2:
        assert camera_lookup.camera_for_path(f"yard/{name}") == camera
    (line,) = caplog.messages
    assert "several channels of a recorder (00, 01)" in line
    assert "Yard_{channel}_" in line


@pytest.mark.parametrize(
    ("below", "pattern"),
    [
        ("NVR_00_20240115143000.jpg", "NVR_{channel}_"),
        ("2024/01/15/Front Door_01_20240115143052.jpg", "Front Door_{channel}_"),
        ("SNAP_CH02_2022_10_14_14_15_35_23978.jpg", "SNAP_CH{channel}_"),
        ("192.168.0.64_01_20190319093422939_TIMING.jpg", "192.168.0.64_{channel}_"),
        ("4M0123EA7C31/2024-01-15/001/jpg/14/30/52[M][0@0][0].jpg", "/{channel}/"),
        ("ch3-20240115-143052.jpg", "ch{channel}-"),
        ("2024-01-15/Camera 12.jpg", "Camera {channel}."),
        ("yard_cam2_20240115.mp4", "yard_cam{channel}_"),
    ],
)
def test_what_is_suggested_finds_the_channel(below: str, pattern: str):
    channel = guess_channel(below)
    assert suggest_pattern(below, channel) == pattern
    assert match_channel(pattern, below) == channel


@pytest.mark.parametrize(
    "below", ["image.jpg", "MDAlarm_20240115-143052.jpg", "webcam2.jpg", "cam2024.jpg", "ch.jpg", "cam3/a.jpg"]
)
def test_a_name_without_a_channel_has_none(below: str):
    assert guess_channel(below) == ""
