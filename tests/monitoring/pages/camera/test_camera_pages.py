"""The pages of a camera in the admin: who may use them, what they check, and what they say."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from cameras.models import Camera, Upload
from cameras.unassigned_folders import find_unassigned_folders
from cameras.vendors import VENDORS, VENDORS_BY_KEY
from detection.models import StaticObject
from hsi.db import clock as databaseclock
from hsi.models import AuditEntry, WorkerHeartbeat
from hsi.security.roles import Role, set_role
from monitoring.pages.camera import intervals
from tests import factories, pictures

pytestmark = pytest.mark.django_db

NEW = "/admin/cameras/camera/new/"
STEPS = ("name", "place", "vendor", "clock", "interval", "first")
WICKED = "<img src=x onerror=alert(1)>"


@pytest.fixture
def door(data_dir: Path) -> Camera:
    (data_dir / "cameras/door").mkdir()
    return factories.camera("door")


def pages(camera: str) -> list[str]:
    """Every address that is looked at."""
    names = ("camera", "pause_camera", "camera_zones", "camera_first")
    steps = [reverse("admin:camera_step", args=[camera, step]) for step in STEPS]
    return [NEW, *(reverse(f"admin:{name}", args=[camera]) for name in names), *steps]


def step(name: str, camera: str = "door") -> str:
    return reverse("admin:camera_step", args=[camera, name])


def test_the_pages_are_for_administrators_alone(client: Client, door: Camera):
    clock = reverse("admin:correct_clock", args=["door"])
    changes = [clock, reverse("admin:resume_camera", args=["door"]), reverse("admin:pause_camera", args=["door"]), NEW]
    staff, viewer = factories.user(is_staff=True, sees=door), factories.user(sees=door)
    set_role(viewer, Role.OPERATOR)
    assert {client.get(address).status_code for address in pages("door")} == {302}
    for person in (staff, viewer):
        client.force_login(person)
        assert {client.get(address).status_code for address in pages("door")} == {403}
        assert {client.post(address, {"folder": "x"}).status_code for address in changes} == {403}
    client.force_login(factories.admin())
    assert {client.get(address).status_code for address in pages("door")} == {200}
    assert Camera.objects.count() == 1


def test_a_camera_that_is_not_there_has_no_page(boss: Client):
    assert {boss.get(address).status_code for address in pages("nowhere")} == {200, 404}
    assert boss.get(step("nonsense")).status_code == 404
    assert boss.post(step("first", "nowhere")).status_code == 404


def test_folders_that_hold_files_and_belong_to_no_camera_are_offered(boss: Client, door: Camera, data_dir: Path):
    root = data_dir / "cameras"
    pictures.put(root / "door/x.jpg", b"x")
    pictures.put(root / "drive/192.168.0.64_01_20240115143052422_MOTION_DETECTION.jpg", b"x")
    pictures.put(root / "half/x.jpg.part", b"x")
    pictures.put(root / "back\\slash/x.jpg", b"x")
    (root / "empty").mkdir()
    (root / "away").symlink_to(data_dir)
    found = {one.name: one for one in find_unassigned_folders()}
    assert set(found) == {"drive", "back\\\\slash"}
    assert (found["drive"].vendor, found["drive"].files, found["drive"].usable) == (
        VENDORS_BY_KEY["hikvision"],
        1,
        True,
    )
    assert not found["back\\\\slash"].usable
    assert "named as by Hikvision" in boss.get(NEW).text


def test_the_first_step_makes_the_camera_its_folder_and_an_entry_of_the_audit(boss: Client, data_dir: Path):
    pictures.put(data_dir / "cameras/front_door/SNAP_CH01_2024_01_15_14_30_52_23978.jpg", b"x")
    answer = boss.post(NEW, {"folder": " front_door "})
    assert (answer.status_code, answer["Location"]) == (302, step("name", "front_door"))
    camera = Camera.objects.get()
    assert (camera.pk, camera.name, camera.folder, camera.vendor) == ("front_door", "Front door", "front_door", "annke")
    assert AuditEntry.objects.get().action == "camera_created"
    boss.post(NEW, {"folder": "new one"})
    assert (data_dir / "cameras/new one").is_dir()


@pytest.mark.parametrize("folder", ["", "..", "a/b", "a\\b", ".hidden", "x.tmp", "a\0b", "ä" * 101, "a\u202eb"])
def test_a_folder_is_refused_as_over_the_api(boss: Client, data_dir: Path, folder: str):
    answer = boss.post(NEW, {"folder": folder})
    assert answer.status_code == 400
    assert "aria-invalid" in answer.text
    assert not Camera.objects.exists()
    assert list((data_dir / "cameras").iterdir()) == []


def test_a_folder_that_is_taken_leads_to_its_camera(boss: Client, door: Camera):
    answer = boss.post(NEW, {"folder": "door"})
    assert answer.status_code == 409
    assert step("name") in answer.text


def test_a_name_that_is_no_folder_and_a_root_that_is_gone_are_told(boss: Client, data_dir: Path):
    (data_dir / "cameras/file").write_bytes(b"x")
    assert "contains a file with this name" in boss.post(NEW, {"folder": "file"}).text
    (data_dir / "cameras/file").unlink()
    (data_dir / "cameras").rmdir()
    assert "does not exist or cannot be read" in boss.get(NEW).text
    assert boss.post(NEW, {"folder": "door"}).status_code == 400


@pytest.mark.parametrize(
    ("name", "form", "stored"),
    [
        ("name", {"name": "Front"}, {"name": "Front"}),
        ("place", {"place": "private"}, {"place": "private"}),
        ("place", {"place": ""}, {"place": ""}),
        ("vendor", {"vendor": "reolink"}, {"vendor": "reolink"}),
        ("vendor", {"vendor": ""}, {"vendor": ""}),
        ("clock", {"time_zone": "America/New_York"}, {"time_zone": "America/New_York"}),
        ("interval", {"every": "3600"}, {"expected_interval_seconds": 3600}),
        ("interval", {"every": ""}, {"expected_interval_seconds": None}),
        ("interval", {"every": "other", "number": "90", "unit": "60"}, {"expected_interval_seconds": 5400}),
    ],
)
def test_a_later_step_changes_the_camera(boss: Client, door: Camera, name: str, form: Any, stored: Any):
    following = STEPS[STEPS.index(name) + 1]
    assert boss.post(step(name), {**form, "then": "next"})["Location"] == step(following)
    assert Camera.objects.values(*stored).get() == stored
    assert boss.post(step(name), {**form, "then": "leave"})["Location"] == reverse("admin:camera", args=["door"])


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("name", {"name": ""}),
        ("name", {"name": "x" * 121}),
        ("name", {"name": "a\u202eb"}),
        ("place", {"place": "roof"}),
        ("vendor", {"vendor": "sundial"}),
        ("clock", {"time_zone": "Mars/Olympus"}),
        ("interval", {"every": "59"}),
        ("interval", {"every": "x"}),
        ("interval", {"every": "other", "number": str(2**63), "unit": "60"}),
        ("interval", {"every": "other", "number": "5", "unit": "61"}),
        ("interval", {"every": "other", "number": "٣", "unit": "60"}),
        ("interval", {"every": "other", "number": "31", "unit": "86400"}),
    ],
)
def test_what_the_api_refuses_a_step_refuses_with_words(boss: Client, door: Camera, name: str, form: Any):
    answer = boss.post(step(name), form)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("seconds", "words"), [(60, "1 minute"), (5400, "90 minutes"), (3600, "1 hour"), (86400, "1 day")]
)
def test_an_interval_in_words(seconds: int, words: str):
    assert intervals.in_words(seconds) == words


def test_each_make_says_what_to_enter_for_this_folder(boss: Client, door: Camera):
    text = boss.get(step("vendor")).text
    for vendor in VENDORS:
        assert vendor.name in text
        assert vendor.path("door", "testserver") in text


def test_a_picture_is_followed_through_the_pipeline(boss: Client, door: Camera):
    address = reverse("admin:camera_first", args=["door"])
    now = timezone.now()
    assert "Waiting for the first picture" in boss.get(address).json()["html"]
    upload = factories.upload(
        door, state=Upload.State.WAITING, received_at=now, path="door/snap/MDAlarm_20240115-143052.jpg"
    )
    answer = boss.get(address).json()
    assert answer["newest"] == upload.pk
    assert "waits for the detector" in answer["html"]
    assert "Named as by Foscam: 15.01.2024 14:30:52, motion" in answer["html"]
    upload.finish(Upload.State.DETECTED)
    event = factories.event(door)
    factories.detection(upload, event.batches.get())
    html = boss.get(address).json()["html"]
    assert "1 object found" in html
    assert f"event {event.pk}" in html


def test_why_a_picture_was_refused_is_told_with_what_to_do(boss: Client, door: Camera):
    facts: dict[str, Any] = {"state": Upload.State.REJECTED, "clock_skew": True, "received_at": timezone.now()}
    factories.upload(door, reason=f"truncated: {WICKED}", path=f"door/{WICKED}.jpg", **facts)
    html = boss.get(reverse("admin:camera_first", args=["door"])).json()["html"]
    assert "The upload broke off" in html
    assert "clock is wrong" in html
    assert WICKED not in html


def test_what_to_look_at_while_nothing_comes(boss: Client, door: Camera, data_dir: Path):
    def html() -> str:
        return str(boss.get(reverse("admin:camera_first", args=["door"])).json()["html"])

    root = data_dir / "cameras"
    assert "The watcher is not running" in html()
    assert "The folder door is empty" in html()
    now = databaseclock.now()
    WorkerHeartbeat.objects.create(
        name="w", kind="watcher", host="h", pid=1, started_at=now, beat_at=now, progressed_at=now
    )
    pictures.put(root / "door/sub/now.jpg", b"x")
    pictures.put(root / "door/next.jpg.part", b"x")
    pictures.put(root / "dooor/x.jpg", b"x")
    pictures.put(root / "loose.jpg", b"x")
    factories.upload(factories.camera("twin"))
    text = html()
    assert "The watcher is not running" not in text
    assert "sub/now.jpg" in text
    assert "next.jpg.part (still being written)" in text
    assert "the folder dooor, which belongs to no camera" in text
    assert "in the camera folder itself" in text
    assert "for the folder twin" in text
    Camera.objects.filter(pk="door").update(enabled=False, folder="gone")
    text = html()
    assert "paused" in text
    assert "The folder gone does not exist" in text


def test_a_camera_is_paused_after_a_question_and_resumed(boss: Client, door: Camera):
    pause, back = reverse("admin:pause_camera", args=["door"]), reverse("admin:camera", args=["door"])
    assert "until you resume it" in boss.get(pause).text
    assert Camera.objects.get().enabled
    assert boss.post(pause)["Location"] == back
    assert not Camera.objects.get().enabled
    assert boss.get(reverse("admin:resume_camera", args=["door"])).status_code == 405
    assert boss.post(reverse("admin:resume_camera", args=["door"]))["Location"] == back
    assert Camera.objects.get().enabled
    assert [entry.action for entry in AuditEntry.objects.all()] == ["camera_changed", "camera_changed"]


def test_the_page_tells_of_a_silent_camera_and_what_came_in_a_day(boss: Client, door: Camera):
    now = timezone.now()
    Camera.objects.update(expected_interval_seconds=3600, offline_since=now - timedelta(hours=5), name=WICKED)
    for hours, state in ((5, Upload.State.DETECTED), (8, Upload.State.REJECTED), (48, Upload.State.DEAD)):
        at = now - timedelta(hours=hours)
        factories.upload(door, state=state, received_at=at, captured_at=at)
    factories.event(door, started_at=now - timedelta(hours=5), summary=WICKED)
    factories.zone(door, name=WICKED)
    text = boss.get(reverse("admin:camera", args=["door"])).text
    assert "offline" in text
    assert "5 h ago" in text
    assert "1 hour" in text
    assert "<b>1</b><span>rejected</span>" in text
    assert "<b>0</b><span>failed</span>" in text
    assert WICKED not in text


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (Camera.View.FROZEN, ("The picture has been the same since", "Restart the camera.")),
        (Camera.View.BLACK, ("The picture has been black since", "Uncover the lens.")),
        (Camera.View.COVERED, ("The picture has shown no details since", "Remove what covers the lens.")),
        (Camera.View.BLURRED, ("The picture has been blurred since", "Clean the lens, or focus it.")),
        (Camera.View.TURNED, ("The camera has shown another place since", "Turn it back")),
    ],
)
def test_the_page_says_what_the_camera_shows_since_when_and_what_to_do(
    boss: Client, door: Camera, view: Camera.View, words: tuple[str, str]
):
    assert 'id="view"' not in boss.get(reverse("admin:camera", args=["door"])).text
    door.set_view(view, factories.NOW)
    text = boss.get(reverse("admin:camera", args=["door"])).text
    assert f"<i></i>{view.label}</span>" in text
    assert words[0] in text
    assert words[1] in text
    assert factories.NOW.isoformat() in text
    assert f">{view.label}<" in boss.get(reverse("admin:cameras_camera_changelist")).text


def test_the_page_asks_as_much_for_many_rows_as_for_few(boss: Client, door: Camera):
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            boss.get(reverse("admin:camera", args=["door"]))
        return len(captured)

    asked()
    numbers = []
    for _ in range(2):
        for _ in range(5):
            event = factories.event(door, started_at=timezone.now())
            factories.detection(factories.upload(door, received_at=timezone.now()), event.batches.get())
            factories.zone(door)
        numbers.append(asked())
    assert numbers[0] == numbers[1] <= 20


def test_the_zones_are_given_to_the_editor_as_the_api_has_them(boss: Client, door: Camera):
    factories.zone(door, id="lawn", name="</script>")
    answer = boss.get(reverse("admin:camera_zones", args=["door"]))
    drawn = answer.context["drawn_on"]
    assert (drawn["width"], drawn["height"], drawn["picture"]) == (16, 9, "")
    assert drawn["zones"][0]["version"] == 1
    assert "</script>&" not in answer.text
    assert answer.text.count("</script>") == answer.text.count("<script")
    upload = factories.upload(door, width=640, height=480)
    drawn = boss.get(reverse("admin:camera_zones", args=["door"])).context["drawn_on"]
    assert (drawn["width"], drawn["height"]) == (640, 480)
    assert drawn["picture"].endswith(f"?upload={upload.pk}")


def test_the_list_of_cameras_leads_to_their_pages_and_to_the_steps(boss: Client, door: Camera):
    text = boss.get(reverse("admin:cameras_camera_changelist")).text
    assert reverse("admin:camera", args=["door"]) in text
    assert boss.get(reverse("admin:cameras_camera_add"))["Location"] == NEW
    assert reverse("admin:camera", args=["door"]) in boss.get("/admin/").text


def test_the_clock_of_a_camera_is_corrected_with_one_click(boss: Client, door: Camera):
    Camera.objects.filter(pk="door").update(clock_offset_seconds=-5400)
    page, back = reverse("admin:correct_clock", args=["door"]), reverse("admin:camera", args=["door"])
    shown = boss.get(back).content.decode()
    assert "1 h 30 min behind" in shown
    assert "Correct: 1 h 30 min added to its times" in shown
    assert boss.get(page).status_code == 405
    assert boss.post(page)["Location"] == back
    door.refresh_from_db()
    assert (door.clock_correction_seconds, door.clock_offset_seconds) == (5400, None)
    assert AuditEntry.objects.filter(action="camera_changed", object="camera door").count() == 1
    assert "Correct:" not in boss.get(back).content.decode()
    boss.post(page)  # a second click finds nothing to do
    door.refresh_from_db()
    assert door.clock_correction_seconds == 5400


def test_a_clock_that_is_off_by_no_whole_quarter_is_told_without_an_offer(boss: Client, door: Camera):
    Camera.objects.filter(pk="door").update(clock_offset_seconds=-600)
    shown = boss.get(reverse("admin:camera", args=["door"])).content.decode()
    assert "10 min behind" in shown
    assert "Correct:" not in shown


def test_several_channels_in_one_folder_are_told_until_a_pattern_is_set(boss: Client, door: Camera):
    for name in ("NVR_00_20240115143052.jpg", "NVR_01_20240115143052.jpg"):
        factories.upload(door, path=f"door/{name}", received_at=timezone.now())
    first = reverse("admin:camera_first", args=["door"])
    html = boss.get(first).json()["html"]
    assert "channels 00, 01 of a recorder" in html
    assert "NVR_{channel}_" in html
    Camera.objects.filter(pk="door").update(channel_pattern="NVR_{channel}_")
    assert "of a recorder" not in boss.get(first).json()["html"]


def test_a_channel_of_a_recorder_has_the_folder_of_the_recorder(boss: Client, door: Camera):
    factories.camera("door_00", folder="door/00")
    html = boss.get(reverse("admin:camera_first", args=["door_00"])).json()["html"]
    assert "is gone" not in html
    assert "door/00" not in boss.get(step("vendor", "door_00")).content.decode().split("Folder")[0]


def test_the_page_says_what_counts_and_what_is_remembered(boss: Client, door: Camera, settings):
    settings.DETECTION_THRESHOLDS = ["person=0.4", "dog=0.9"]
    Camera.objects.update(labels=["person", "truck"], thresholds={"person": 0.7})
    van = factories.static_object(door, label="truck")
    factories.static_object(label="suitcase")
    text = boss.get(reverse("admin:camera", args=["door"])).text
    assert "person, truck" in text
    assert "person 0.7, dog 0.9" in text
    assert "<b>truck</b>" in text
    assert "suitcase" not in text
    address = reverse("admin:forget_static_object", args=["door", van.pk])
    assert address in text
    assert "It counts again" in boss.post(address, follow=True).text
    assert not StaticObject.objects.filter(camera=door).exists()
    assert "It was forgotten already" in boss.post(address, follow=True).text
    assert AuditEntry.objects.get().action == "static_object_forgotten"


def test_only_administrators_forget_objects_on_the_page(client: Client, door: Camera):
    address = reverse("admin:forget_static_object", args=["door", factories.static_object(door).pk])
    client.force_login(factories.user(sees=door))
    assert client.post(address).status_code == 403
    assert StaticObject.objects.exists()


@pytest.mark.parametrize(
    ("ignored", "batch_state", "said"),
    [
        (["label"], "", "none: label does not count"),
        (["static", "label"], "", "none: stays where it is"),
        (["static", ""], "open", "when its batch closes"),
        ([""], "unsure", "none: too uncertain for an event"),
    ],
)
def test_the_page_says_why_a_picture_with_objects_has_no_event(
    boss: Client, door: Camera, ignored: list[str], batch_state: str, said: str
):
    upload = factories.upload(door, received_at=timezone.now())
    batch = factories.batch(door, state=batch_state) if batch_state else None
    for reason in ignored:
        factories.detection(upload, None if reason else batch, ignored=reason)
    assert said in boss.get(reverse("admin:camera_first", args=["door"])).text
