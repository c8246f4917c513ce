"""The main job as its user sees it: files go in, explained events come out, on the API and the socket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests import files
from tests.peers.detectors import RtDetrPeer
from tests.peers.llm import LlmPeer
from tests.system import footage
from tests.system.running import Running, foscam_name

pytestmark = pytest.mark.slow

END_STATES = {"detected", "empty", "duplicate", "rejected", "dead"}


@pytest.fixture
def system(child_environment: dict[str, str]) -> Iterator[Running]:
    running = Running(child_environment)
    yield running
    running.stop()


def judged(system: Running) -> bool:
    events = system.all("/api/events")
    waiting = system.get("/api/system/health")["waiting"]
    return bool(events) and not any(waiting.values())


def test_stills_of_real_people_become_events_and_the_clip_gives_offsets(system, tmp_path):
    system.start()
    path = footage.clip(tmp_path)
    began = datetime.now(UTC) - timedelta(seconds=20)
    for number, data in enumerate(footage.stills(path, 40)):
        system.put(f"square/{foscam_name(began + timedelta(seconds=number / 2), number)}", data)
    system.until(lambda: len([u for u in system.uploads() if u["state"] in END_STATES]) == 40)
    counts = Counter(upload["state"] for upload in system.uploads())
    assert counts["detected"] >= 28, counts
    assert set(counts) <= {"detected", "empty", "duplicate"}

    system.put(f"square/record/MDalarm_{began:%Y%m%d_%H%M%S}{path.suffix}", path.read_bytes())
    system.until(lambda: len([u for u in system.uploads() if u["state"] in END_STATES]) == 41)
    clip = next(upload for upload in system.uploads() if upload["kind"] == "video")
    assert clip["state"] == "detected"
    offsets = {d["frame_offset"] for d in system.all("/api/detections") if d["upload"] == clip["id"]}
    assert len(offsets) > 1
    assert None not in offsets

    system.until(lambda: judged(system))
    events = system.all("/api/events")
    assert {event["risk_source"] for event in events} == {"rules"}
    assert {event["analysis"] for event in events} == {"done"}
    told = {message["data"]["id"] for message in system.messages() if message["type"] == "event.created"}
    assert told == {event["id"] for event in events}
    picture = system.client.get(events[0]["snapshot_url"])
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/jpeg")


def test_with_two_urls_set_a_detector_and_a_language_model_take_over(child_environment):
    with RtDetrPeer() as detector, LlmPeer() as model:
        system = Running(child_environment, RTDETR_URL=detector.url, NEMOTRON_URL=model.url)
        system.start()
        try:
            for number in range(12):
                system.put(f"door/{foscam_name(datetime.now(UTC), number)}", files.jpeg(number))
            system.until(lambda: judged(system))
            assert [upload["state"] for upload in system.uploads()] == ["detected"] * 12
            assert detector.calls == 12
            assert detector.faults == []
            events = system.all("/api/events")
            assert {(event["risk_source"], event["analysis"]) for event in events} == {("llm", "done")}
            assert model.calls == len(events)
        finally:
            system.stop()


def test_services_that_are_away_leave_work_waiting_in_plain_sight_and_are_used_when_they_are_back(child_environment):
    with RtDetrPeer() as detector, LlmPeer() as model:
        urls = {"RTDETR_URL": detector.url, "NEMOTRON_URL": model.url}
    system = Running(child_environment, **urls)
    system.start()
    try:
        system.put(f"door/{foscam_name(datetime.now(UTC), 1)}", files.jpeg(1))
        system.until(lambda: [upload["state"] for upload in system.uploads()] == ["waiting"])
        health = system.get("/api/system/health")
        assert health["status"] == "degraded"
        assert health["checks"]["detector"]["status"] == "degraded"
        assert health["checks"]["analyzer"]["status"] == "degraded"
    finally:
        assert system.stop() == 0
    with RtDetrPeer() as detector, LlmPeer() as model:
        system.environment |= {"RTDETR_URL": detector.url, "NEMOTRON_URL": model.url}
        system.start()
        try:
            system.until(lambda: judged(system))
            assert [event["risk_source"] for event in system.all("/api/events")] == ["llm"]
        finally:
            assert system.stop() == 0


def test_hostile_files_end_in_a_state_that_shows_and_the_loop_goes_on(system, tmp_path):
    system.start()
    whole = files.jpeg(1, size=(640, 360))
    system.put("door/cut.jpg", whole[:-500])
    system.put("door/renamed.jpg", b"GIF89a" + files.png())
    system.put("door/in fact a png.jpg", files.png())
    system.put("door/empty.mkv", b"")
    system.put("door/new\nline'\"`.jpg", files.jpeg(2))
    system.put("door/-rf.jpg", files.jpeg(3))
    (tmp_path / "outside.jpg").write_bytes(files.jpeg(4))
    (system.cameras / "door" / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    (system.cameras / "link").symlink_to(tmp_path)
    system.put("door/last.mp4", files.mp4(tmp_path / "clip.mp4").read_bytes())
    system.until(lambda: len([u for u in system.uploads() if u["state"] in END_STATES]) == 7)
    assert Counter(upload["state"] for upload in system.uploads()) == {"rejected": 3, "empty": 4}
    quarantine = Path(system.environment["HSI_DATA_DIR"]) / "quarantine" / "door"
    assert len(list(quarantine.iterdir())) == 3
    assert (tmp_path / "outside.jpg").exists()
