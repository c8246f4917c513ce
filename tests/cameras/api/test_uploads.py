from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from cameras.files.tree import Tree
from cameras.intake import accept, http_upload
from cameras.models import Camera, Upload
from hsi.models import IdempotencyRecord, QueueJob
from tests import factories, pictures

pytestmark = pytest.mark.django_db


@pytest.fixture
def sender(client: Client, door: Camera) -> Client:
    """A camera's own account: it may bring files, and nothing else."""
    token = factories.token(factories.user(sees=door), "ingest")
    return Client(headers={"Authorization": f"Bearer {token}"})


def form(client: Client, content: bytes, name: str = "a.jpg", **more: Any) -> Any:
    headers = more.pop("headers", {})
    return client.post(
        "/api/cameras/door/uploads", {"file": SimpleUploadedFile(name, content), **more}, headers=headers
    )


def bare(client: Client, content: bytes, kind: str = "image/jpeg", query: str = "", **headers: str) -> Any:
    return client.post(f"/api/cameras/door/uploads{query}", content, content_type=kind, headers=headers)


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_file_in_a_form_is_accepted_like_any_other(sender: Client, data_dir: Path):
    content = pictures.jpeg()
    answer = form(sender, content)
    upload = Upload.objects.get()
    assert (answer.status_code, answer["Location"]) == (201, f"/api/uploads/{upload.pk}")
    assert (upload.camera_id, upload.state, upload.size) == ("door", "waiting", len(content))
    assert QueueJob.objects.get().row_id == upload.pk
    assert (data_dir / "cameras" / upload.path).read_bytes() == content


def test_a_file_as_the_whole_body_is_accepted_under_its_given_name(sender: Client, data_dir: Path):
    named = bare(sender, pictures.jpeg(), **{"Content-Disposition": 'attachment; filename="../../etc/x y.jpg"'})
    unnamed = bare(sender, pictures.jpeg(colour=pictures.RED))
    assert (named.status_code, unnamed.status_code) == (201, 201)
    names = [path.rpartition("/")[2] for path in Upload.objects.order_by("pk").values_list("path", flat=True)]
    assert names == ["x_y.jpg", "upload.jpg"]


def test_the_time_that_is_given_is_the_time_of_the_picture(sender: Client):
    at = timezone.now().replace(microsecond=0) - timedelta(days=2)
    for answer in (
        form(sender, pictures.jpeg(), captured_at=at.isoformat()),
        bare(sender, pictures.jpeg(colour=pictures.RED), query=f"?captured_at={at:%Y-%m-%dT%H:%M:%SZ}"),
    ):
        assert answer.status_code == 201, answer.json()
    assert set(Upload.objects.values_list("captured_at", flat=True)) == {at}


def test_the_same_bytes_lead_to_the_first_upload(sender: Client):
    first = form(sender, pictures.jpeg()).json()
    again = form(sender, pictures.jpeg(), "b.jpg")
    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    assert QueueJob.objects.count() == 1


def test_a_file_that_is_not_a_picture_is_quarantined_and_refused(sender: Client, data_dir: Path):
    answer = form(sender, b"<html>")
    assert (answer.status_code, answer.json()["code"]) == (422, "UPLOAD_REJECTED")
    assert Upload.objects.get().state == "rejected"
    assert left_in(data_dir / "cameras") == []
    assert len(left_in(data_dir / "quarantine")) == 1


@pytest.mark.parametrize("way", [form, bare])
def test_a_file_that_is_too_large_leaves_nothing(sender: Client, data_dir: Path, settings: Any, way: Any):
    settings.IMAGE_MAX_BYTES = settings.VIDEO_MAX_BYTES = 100
    answer = way(sender, pictures.jpeg())
    assert (answer.status_code, answer.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert left_in(data_dir / "cameras") == []
    assert not Upload.objects.exists()


def test_a_nearly_full_disk_accepts_nothing_and_sends_retry_after(sender: Client, settings: Any):
    settings.DISK_FREE_FLOOR_BYTES = 10**18
    answer = form(sender, pictures.jpeg())
    assert (answer.status_code, answer.json()["code"]) == (503, "STORAGE_FULL")
    assert int(answer["Retry-After"]) > 0


def test_a_disk_that_fills_up_during_an_upload_keeps_no_partial_file(
    sender: Client, data_dir: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cameras.files.writer.os.fsync", full)
    answer = form(sender, pictures.jpeg())
    assert (answer.status_code, answer.json()["code"]) == (503, "STORAGE_FULL")
    assert left_in(data_dir / "cameras") == []


def test_a_paused_camera_takes_nothing(sender: Client, door: Camera):
    Camera.objects.update(enabled=False)
    answer = form(sender, pictures.jpeg())
    assert (answer.status_code, answer.json()["code"]) == (409, "CAMERA_PAUSED")


@pytest.mark.parametrize(
    ("name", "more", "field"),
    [
        ("noextension", {}, "file"),
        ("a.part", {}, "file"),
        ("a.jpg", {"captured_at": "yesterday"}, "captured_at"),
        ("a.jpg", {"captured_at": "2001-01-01T00:00:00Z"}, "captured_at"),
        ("a.jpg", {"colour": "red"}, "colour"),
    ],
)
def test_a_form_that_does_not_fit_leaves_nothing(
    sender: Client, data_dir: Path, name: str, more: dict[str, str], field: str
):
    answer = form(sender, pictures.jpeg(), name, **more)
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {field})
    assert left_in(data_dir / "cameras") == []


def test_a_form_without_a_file_or_cut_short_is_an_error(sender: Client):
    assert sender.post("/api/cameras/door/uploads", {"captured_at": ""}).status_code == 400
    cut = sender.post("/api/cameras/door/uploads", b"--x\r\n", content_type="multipart/form-data; boundary=x")
    assert cut.status_code == 400
    assert bare(sender, b"{}", "application/json").status_code == 415


def test_a_client_without_the_right_to_upload_writes_no_file(data_dir: Path, door: Camera):
    reader = factories.token(factories.user(sees=door), "read", "write")
    stranger = factories.token(factories.user(), "ingest")
    for token, status in ((reader, 403), (stranger, 404)):
        answer = form(Client(headers={"X-API-Key": token}), pictures.jpeg())
        assert answer.status_code == status
    assert left_in(data_dir / "cameras") == []


def test_a_person_needs_the_csrf_token_of_the_session(data_dir: Path, door: Camera):
    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.admin())
    assert form(client, pictures.jpeg()).status_code == 403
    assert left_in(data_dir / "cameras") == []


def test_a_repeat_with_its_key_is_answered_as_before(sender: Client):
    key = {"Idempotency-Key": "one"}
    first, again = (form(sender, pictures.jpeg(), headers=key) for _ in range(2))
    assert (again.status_code, again.json(), again["Idempotency-Replayed"]) == (201, first.json(), "true")
    assert again["Location"] == first["Location"]
    other = form(sender, pictures.jpeg(colour=pictures.RED), headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert Upload.objects.count() == 1


def test_a_repeat_whose_first_answer_was_lost_in_a_crash_leads_to_the_same_upload(sender: Client):
    key = {"Idempotency-Key": "one"}
    first = form(sender, pictures.jpeg(), headers=key).json()
    IdempotencyRecord.objects.update(status=None, data=None)
    again = form(sender, pictures.jpeg(), headers=key)
    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    assert QueueJob.objects.count() == 1


def test_a_file_without_a_row_after_a_crash_is_accepted_by_the_scan(
    sender: Client, data_dir: Path, monkeypatch: pytest.MonkeyPatch
):
    def crash(point: str) -> None:
        if point == "http-placed":
            raise KeyboardInterrupt

    monkeypatch.setattr("cameras.intake.http_upload.failpoints.reach", crash)
    with pytest.raises(KeyboardInterrupt):
        form(sender, pictures.jpeg())
    assert not Upload.objects.exists()
    tree = Tree(data_dir / "cameras")
    (entry,) = tree.walk("door")
    assert accept.accept_file(tree, entry.path, final=True) is accept.IntakeResult.ACCEPTED


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("a.jpg", "a.jpg"),
        ("C:\\photos\\a b.jpg", "a_b.jpg"),
        ("/etc/passwd.jpg", "passwd.jpg"),
        (".hidden.jpg", "hidden.jpg"),
        ("ü\0\n.jpg", "_.jpg"),
        ("x" * 300 + ".jpg", "x" * 100 + ".jpg"),
        ("noextension", None),
        ("a.tmp", None),
        ("", None),
    ],
)
def test_a_name_from_outside_is_made_safe(given: str, name: str | None):
    assert http_upload.safe_name(given) == name


def test_a_failed_upload_is_retried_once(client: Client, door: Camera):
    client.force_login(factories.user(sees=door))
    upload = factories.upload(door, state=Upload.State.DEAD, reason="broken")
    letter = factories.dead_letter(upload)
    answer = client.post(f"/api/uploads/{upload.pk}/retry")
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
    letter.refresh_from_db()
    assert letter.state == "requeued"
    assert QueueJob.objects.get().row_id == upload.pk
    again = client.post(f"/api/uploads/{upload.pk}/retry")
    assert (again.status_code, again.json()["code"]) == (409, "NOT_FAILED")
