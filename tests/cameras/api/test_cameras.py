from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import Client

from cameras.api.file_response import byte_range, file_response
from cameras.models import Camera, Upload
from hsi.models import AuditEntry
from tests import factories, pictures

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer(client: Client, door: Camera) -> Client:
    client.force_login(factories.user(sees=door))
    return client


def test_the_cameras_are_listed_by_id_with_the_time_of_their_last_picture(client: Client, door: Camera):
    factories.camera("attic")
    factories.upload(door, captured_at=factories.NOW - timedelta(hours=1))
    factories.upload(door)
    client.force_login(factories.admin())
    answer = client.get("/api/cameras").json()
    assert [(one["id"], one["last_captured_at"]) for one in answer["items"]] == [
        ("attic", None),
        ("door", "2026-03-01T12:00:00Z"),
    ]
    assert answer["has_more"] is False


def test_a_page_of_cameras_leads_to_the_next(client: Client):
    for identity in ("a", "b", "c"):
        factories.camera(identity)
    client.force_login(factories.admin())
    first = client.get("/api/cameras?limit=2").json()
    second = client.get("/api/cameras", {"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [one["id"] for one in first["items"] + second["items"]] == ["a", "b", "c"]
    assert second["next_cursor"] is None


def test_a_camera_shows_no_folder(viewer: Client):
    answer = viewer.get("/api/cameras/door").json()
    assert set(answer) == {
        "id", "name", "enabled", "time_zone", "clock_correction_seconds", "clock_offset_seconds", "clock_suggestion",
        "channel_pattern", "vendor", "place", "labels", "thresholds", "min_sizes", "max_sizes",
        "expected_interval_seconds", "offline_since", "view", "view_since", "created_at",
        "last_captured_at", "snapshot_url", "problems",
    }  # fmt: skip


def test_the_number_of_queries_does_not_grow_with_the_cameras(client: Client, django_assert_num_queries):
    for _ in range(5):
        factories.upload()
    client.force_login(factories.admin())
    with django_assert_num_queries(4):  # session, user, cameras, problems
        assert len(client.get("/api/cameras").json()["items"]) == 5


def test_a_snapshot_is_the_newest_usable_picture_made_smaller(viewer: Client, door: Camera, data_dir: Path):
    pictures.stored(pictures.jpeg((1920, 1080), pictures.RED), "new.jpg", door)
    before = factories.NOW - timedelta(seconds=9)
    pictures.stored(pictures.jpeg(colour=pictures.BLUE), "old.jpg", door, captured_at=before)
    after = factories.NOW + timedelta(seconds=9)
    factories.upload(door, state=Upload.State.REJECTED, captured_at=after)
    response = viewer.get("/api/cameras/door/snapshot")
    image = pictures.shown(response.content)
    assert (response.status_code, response["Content-Type"], image.size) == (200, "image/jpeg", (960, 540))
    assert pictures.looks_like(image.getpixel((300, 300)), pictures.RED)
    assert "private" in response["Cache-Control"]


def test_a_snapshot_that_the_client_has_is_not_sent_again(viewer: Client, door: Camera, data_dir: Path):
    pictures.stored(pictures.jpeg(), of=door)
    etag = viewer.get("/api/cameras/door/snapshot")["ETag"]
    again = viewer.get("/api/cameras/door/snapshot", headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")


def test_a_snapshot_of_a_camera_without_pictures_is_a_problem_not_a_page(viewer: Client):
    response = viewer.get("/api/cameras/door/snapshot", headers={"Accept": "image/jpeg"})
    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")
    assert response.json()["code"] == "MEDIA_GONE"


def test_a_snapshot_of_a_clip_is_its_thumbnail(viewer: Client, door: Camera, data_dir: Path):
    pictures.put(data_dir / "thumbnails/one.jpg", pictures.jpeg((32, 24), pictures.BLUE))
    factories.upload(door, kind=Upload.Kind.VIDEO, thumbnail="thumbnails/one.jpg")
    assert pictures.shown(viewer.get("/api/cameras/door/snapshot").content).size == (32, 24)


def test_a_snapshot_falls_back_to_the_thumbnail_when_the_file_is_gone(viewer: Client, door: Camera, data_dir: Path):
    pictures.put(data_dir / "thumbnails/one.jpg", pictures.jpeg((32, 24)))
    factories.upload(door, thumbnail="thumbnails/one.jpg")
    assert pictures.shown(viewer.get("/api/cameras/door/snapshot").content).size == (32, 24)


def test_an_upload_has_the_fields_of_the_contract(viewer: Client, door: Camera):
    upload = factories.upload(door)
    answer = viewer.get(f"/api/uploads/{upload.pk}").json()
    promised = (
        "id camera path kind size sha256 captured_at captured_at_source received_at state reason attempts".split()  # noqa: SIM905
    )
    assert set(promised) <= set(answer)
    assert (answer["camera"], answer["captured_at"], answer["state"]) == ("door", "2026-03-01T12:00:00Z", "detected")


def test_uploads_are_listed_newest_first_and_filtered(viewer: Client, door: Camera):
    times = [factories.NOW + timedelta(minutes=minute) for minute in range(4)]
    made = [factories.upload(door, captured_at=time) for time in times]
    empty = factories.upload(door, state=Upload.State.EMPTY, captured_at=times[0] - timedelta(days=1))
    factories.upload()

    def ids(**query: str) -> list[int]:
        return [one["id"] for one in viewer.get("/api/uploads", query).json()["items"]]

    assert ids() == [*(one.pk for one in reversed(made)), empty.pk]
    assert ids(state="empty") == [empty.pk]
    assert ids(after=times[1].isoformat(), before=times[3].isoformat()) == [made[2].pk, made[1].pk]
    assert ids(camera="nowhere") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=lost", "state"),
        ("after=yesterday", "after"),
        ("before=0001-01-01T00:00:00%2B14:00", "before"),
        ("after=9999-12-31T23:59:59-14:00", "after"),
        ("camera=a%00b", "camera"),
        ("colour=red", "colour"),
        ("limit=1001", "limit"),
        ("limit=0", "limit"),
        ("limit=0000000015000", "limit"),
        ("limit=ten", "limit"),
        ("cursor=abc", "cursor"),
    ],
)
def test_a_filter_that_does_not_fit_is_an_error_of_its_field(viewer: Client, query: str, field: str):
    response = viewer.get(f"/api/uploads?{query}")
    assert response.status_code == 400
    assert (response.json()["code"], list(response.json()["errors"])) == ("VALIDATION_ERROR", [field])


def test_the_number_of_queries_does_not_grow_with_the_uploads(viewer: Client, door: Camera, django_assert_num_queries):
    for _ in range(5):
        factories.upload(door)
    with django_assert_num_queries(3):  # session, user, uploads
        assert len(viewer.get("/api/uploads").json()["items"]) == 5


def test_the_file_is_sent_as_it_is_and_never_as_a_page(viewer: Client, door: Camera, data_dir: Path):
    content = pictures.jpeg()
    upload = pictures.stored(content, "a.jpg", door)
    response = viewer.get(f"/api/uploads/{upload.pk}/file")
    assert response.getvalue() == content
    assert response["Content-Type"] == "image/jpeg"
    assert response["Content-Disposition"] == 'inline; filename="a.jpg"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "private" in response["Cache-Control"]
    assert response["Content-Length"] == str(len(content))


@pytest.mark.parametrize("name", ["page.html", "drawing.svg", "x.jpg.php", "noextension"])
def test_a_file_of_another_type_can_only_be_saved(viewer: Client, door: Camera, data_dir: Path, name: str):
    upload = pictures.stored(b"<script>alert(1)</script>", name, door)
    response = viewer.get(f"/api/uploads/{upload.pk}/file")
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"].startswith("attachment;")


@pytest.mark.parametrize(
    ("name", "content", "content_type"),
    [
        ("a.png", pictures.jpeg(), "image/jpeg"),
        ("a.mp4", b"RIFF\x20\0\0\0AVI LIST" + bytes(30), "video/x-msvideo"),
        ("a.jpg", b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm" + bytes(30), "video/webm"),
        ("a.jpg", b"<html><script>alert(1)</script></html>", "application/octet-stream"),
        ("a.mp4", b"GIF89a" + bytes(30), "application/octet-stream"),
        ("a.ts", (b"G" + bytes(187)) * 4, "application/octet-stream"),
    ],
)
def test_a_file_is_sent_as_what_its_content_is(
    viewer: Client, door: Camera, data_dir: Path, name: str, content: bytes, content_type: str
):
    upload = pictures.stored(content, name, door)
    response = viewer.get(f"/api/uploads/{upload.pk}/file")
    assert (response["Content-Type"], response["X-Content-Type-Options"]) == (content_type, "nosniff")
    assert response["Content-Disposition"].startswith("attachment" if "octet" in content_type else "inline")
    assert response.getvalue() == content


def test_a_name_with_quotes_and_newlines_cannot_break_the_header(viewer: Client, door: Camera, data_dir: Path):
    upload = pictures.stored(pictures.jpeg(), 'a"b\r\nSet-Cookie: c=1;ü.jpg', door)
    response = viewer.get(f"/api/uploads/{upload.pk}/file")
    assert response.status_code == 200
    assert "\n" not in response["Content-Disposition"]
    assert "Set-Cookie" not in response.headers
    assert response["Content-Disposition"].startswith("inline; filename*=utf-8''a%22b__Set-Cookie")


def test_a_rejected_file_comes_from_quarantine_and_can_only_be_saved(viewer: Client, door: Camera, data_dir: Path):
    pictures.put(data_dir / "quarantine/door/1-bad.jpg", b"<html>")
    state = Upload.State.REJECTED
    upload = factories.upload(door, state=state, quarantine="quarantine/door/1-bad.jpg", path="door/bad.jpg", size=6)
    response = viewer.get(f"/api/uploads/{upload.pk}/file")
    assert response.getvalue() == b"<html>"
    assert response["Content-Type"] == "application/octet-stream"
    assert viewer.get(f"/api/uploads/{upload.pk}/thumbnail").status_code == 404


def test_a_rejected_file_that_could_not_be_moved_comes_from_its_folder(viewer: Client, door: Camera, data_dir: Path):
    state = Upload.State.REJECTED
    upload = pictures.stored(b"<html>", "bad.jpg", door, state=state, quarantine="quarantine/door/1-bad.jpg")
    response = viewer.get(f"/api/uploads/{upload.pk}/file")
    assert (response.getvalue(), response["Content-Type"]) == (b"<html>", "application/octet-stream")


def test_a_missing_file_is_reported_as_gone(viewer: Client, door: Camera, data_dir: Path):
    upload = factories.upload(door)
    for what in ("file", "thumbnail"):
        response = viewer.get(f"/api/uploads/{upload.pk}/{what}")
        assert (response.status_code, response.json()["code"]) == (404, "MEDIA_GONE")
        assert str(data_dir) not in response.content.decode()


def test_a_file_that_was_overwritten_is_not_shown_as_this_upload(viewer: Client, door: Camera, data_dir: Path):
    upload = pictures.stored(pictures.jpeg(), "a.jpg", door)
    pictures.put(data_dir / "cameras/door/a.jpg", pictures.jpeg((320, 240)))
    response = viewer.get(f"/api/uploads/{upload.pk}/file")
    assert (response.status_code, response.json()["code"]) == (404, "MEDIA_GONE")


def test_a_picture_that_was_copied_back_with_another_time_is_still_this_upload(
    viewer: Client, door: Camera, data_dir: Path
):
    content = pictures.jpeg()
    upload = pictures.stored(content, "a.jpg", door, mtime_ns=1)
    assert viewer.get(f"/api/uploads/{upload.pk}/file").getvalue() == content


def test_a_link_out_of_the_camera_folder_is_not_followed(viewer: Client, door: Camera, data_dir: Path):
    secret = pictures.put(data_dir / "secret_key", b"secret")
    (data_dir / "cameras/door").mkdir()
    (data_dir / "cameras/door/a.jpg").symlink_to(secret)
    upload = factories.upload(door, path="door/a.jpg", size=6, mtime_ns=secret.stat().st_mtime_ns)
    assert viewer.get(f"/api/uploads/{upload.pk}/file").status_code == 404


def test_a_thumbnail_is_the_one_made_at_intake_or_made_now(viewer: Client, door: Camera, data_dir: Path):
    upload = pictures.stored(pictures.jpeg((1200, 900)), "a.jpg", door)
    assert pictures.shown(viewer.get(f"/api/uploads/{upload.pk}/thumbnail").content).size == (480, 360)
    small = pictures.jpeg((40, 30))
    pictures.put(data_dir / "thumbnails/a.jpg", small)
    Upload.objects.filter(pk=upload.pk).update(thumbnail="thumbnails/a.jpg")
    assert viewer.get(f"/api/uploads/{upload.pk}/thumbnail").content == small


def test_a_picture_that_cannot_be_decoded_is_a_problem(viewer: Client, door: Camera, data_dir: Path):
    upload = pictures.stored(b"\xff\xd8\xff not a picture", "a.jpg", door)
    response = viewer.get(f"/api/uploads/{upload.pk}/thumbnail")
    assert (response.status_code, response.json()["code"]) == (422, "MEDIA_ERROR")


def test_a_part_of_a_clip_can_be_asked_for(viewer: Client, door: Camera, data_dir: Path):
    content = b"\0\0\0\x14ftypisom0123456789"
    upload = pictures.stored(content, "a.mp4", door, kind=Upload.Kind.VIDEO)
    response = viewer.get(f"/api/uploads/{upload.pk}/file", headers={"Range": "bytes=14-16"})
    assert (response.status_code, response.getvalue(), response["Content-Range"]) == (206, b"234", "bytes 14-16/22")
    assert (response["Content-Type"], response["Content-Length"]) == ("video/mp4", "3")


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("", None),
        ("bytes=0-", (0, 10)),
        ("bytes=8-99", (8, 2)),
        ("bytes=-3", (7, 3)),
        ("bytes=-30", (0, 10)),
        ("pages=1-2", None),
        ("bytes=5-4", None),
        ("bytes=-", None),
        ("bytes=0-1,4-5", None),
        ("bytes=0-" + "9" * 40, None),
    ],
)
def test_a_byte_range_is_sent_or_the_whole_file(header: str, span: tuple[int, int] | None):
    assert byte_range(header, 10) == span


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=-0", "bytes=10-12"])
def test_a_range_outside_of_the_file_is_416_with_its_size(viewer: Client, door: Camera, data_dir: Path, header: str):
    upload = pictures.stored(b"0123456789", "a.mp4", door, kind=Upload.Kind.VIDEO)
    response = viewer.get(f"/api/uploads/{upload.pk}/file", headers={"Range": header})
    assert (response.status_code, response.json()["code"]) == (416, "RANGE_NOT_SATISFIABLE")
    assert response["Content-Range"] == "bytes */10"


def test_a_range_counts_only_for_the_version_that_if_range_names(viewer: Client, door: Camera, data_dir: Path):
    upload = pictures.stored(b"0123456789", "a.mp4", door, kind=Upload.Kind.VIDEO)
    address = f"/api/uploads/{upload.pk}/file"
    etag = viewer.get(address)["ETag"]
    same = viewer.get(address, headers={"Range": "bytes=0-1", "If-Range": etag})
    other = viewer.get(address, headers={"Range": "bytes=0-1", "If-Range": '"another"'})
    assert (same.status_code, same.getvalue()) == (206, b"01")
    assert (other.status_code, other.getvalue()) == (200, b"0123456789")


def test_a_file_that_the_client_has_is_not_sent_again(viewer: Client, door: Camera, data_dir: Path):
    upload = pictures.stored(pictures.jpeg(), "a.jpg", door)
    first = viewer.get(f"/api/uploads/{upload.pk}/file")
    by_tag = viewer.get(f"/api/uploads/{upload.pk}/file", headers={"If-None-Match": first["ETag"]})
    by_time = viewer.get(f"/api/uploads/{upload.pk}/file", headers={"If-Modified-Since": first["Last-Modified"]})
    assert (by_tag.status_code, by_time.status_code, by_tag.content) == (304, 304, b"")


def test_a_big_file_is_sent_in_pieces_to_an_asynchronous_server(rf, data_dir: Path):
    path = pictures.put(data_dir / "big.mp4", bytes(1024 * 1024))
    response = file_response(rf.get("/"), path.open("rb"), "big.mp4", 1024 * 1024, trusted=True, etag="one")

    async def sizes() -> list[int]:
        return [len(part) async for part in response]

    assert async_to_sync(sizes)() == [256 * 1024] * 4


def test_an_id_beyond_the_database_is_not_found(viewer: Client):
    assert viewer.get(f"/api/uploads/{10**30}").status_code == 404


def test_the_offer_for_a_clock_that_is_off_is_taken_as_it_is_and_audited(client: Client, door: Camera):
    Camera.objects.filter(pk="door").update(time_zone="Asia/Kolkata", clock_offset_seconds=-5400)
    client.force_login(factories.admin())
    before = client.get("/api/cameras/door").json()
    assert (before["clock_offset_seconds"], before["clock_correction_seconds"]) == (-5400, 0)
    assert before["clock_suggestion"] == {"time_zone": "Asia/Kolkata", "clock_correction_seconds": 5400}
    after = client.patch("/api/cameras/door", before["clock_suggestion"], content_type="application/json").json()
    assert (after["clock_offset_seconds"], after["clock_suggestion"]) == (None, None)
    assert after["clock_correction_seconds"] == 5400
    (entry,) = AuditEntry.objects.filter(action="camera_changed")
    assert (entry.after or {})["clock_correction_seconds"] == 5400


@pytest.mark.parametrize(
    "body",
    [{"clock_correction_seconds": 100_000}, {"channel_pattern": "{channel}"}, {"channel_pattern": "NVR_"}],
)
def test_a_correction_and_a_pattern_are_checked(client: Client, door: Camera, body: dict[str, object]):
    client.force_login(factories.admin())
    response = client.patch("/api/cameras/door", body, content_type="application/json")
    assert response.status_code == 400
    assert response.json()["errors"].keys() == body.keys()


def test_a_pattern_is_set_and_shown(client: Client, door: Camera):
    client.force_login(factories.admin())
    body = {"channel_pattern": "SNAP_CH{channel}_"}
    answer = client.patch("/api/cameras/door", body, content_type="application/json").json()
    assert answer["channel_pattern"] == "SNAP_CH{channel}_"


def test_what_counts_at_a_camera_is_set_in_the_spelling_of_the_detectors(client: Client, door: Camera):
    client.force_login(factories.admin())
    body = {
        "place": "driveway", "labels": ["Person", "traffic  light"], "thresholds": {"Person": 0.7, "vehicle": 1},
        "min_sizes": {"person": 0.001}, "max_sizes": {},
    }  # fmt: skip
    answer = client.patch("/api/cameras/door", body, content_type="application/json")
    assert answer.status_code == 200
    stored = {
        "place": "driveway", "labels": ["person", "traffic light"], "thresholds": {"person": 0.7, "vehicle": 1.0},
        "min_sizes": {"person": 0.001}, "max_sizes": {},
    }  # fmt: skip
    assert stored.items() <= answer.json().items()
    assert AuditEntry.objects.get().after == stored
    Camera.objects.get().full_clean()


@pytest.mark.parametrize(
    "body",
    [
        {"place": "moon"}, {"labels": "person"}, {"labels": ["x" * 65]}, {"labels": ["a"] * 101}, {"labels": ["a\0b"]},
        {"thresholds": {"person": 1.1}}, {"thresholds": {"person": "0.5"}}, {"thresholds": ["person"]},
        {"thresholds": {"": 0.5}}, {"min_sizes": {"person": -0.1}}, {"max_sizes": {"x" * 65: 0.5}},
    ],
)  # fmt: skip
def test_what_cannot_count_is_rejected(client: Client, door: Camera, body: dict[str, Any]):
    client.force_login(factories.admin())
    answer = client.patch("/api/cameras/door", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")


def test_a_zone_is_ignored_for_some_labels(client: Client, door: Camera):
    client.force_login(factories.admin())
    body = {"name": "Tree", "polygon": [[0, 0], [1, 0], [1, 1]], "kind": "ignore", "labels": ["Person"]}
    answer = client.post("/api/cameras/door/zones", body, content_type="application/json")
    assert (answer.json()["kind"], answer.json()["labels"]) == ("ignore", ["person"])
    answer = client.post(
        "/api/cameras/door/zones", {**body, "name": "b", "kind": "lawn"}, content_type="application/json"
    )
    assert answer.status_code == 400
