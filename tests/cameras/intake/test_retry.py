"""Another try for files that were rejected or failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from cameras.files.originals import open_original
from cameras.files.tree import Tree
from cameras.intake.accept import IntakeResult, accept_file
from cameras.models import Camera, Upload
from hsi.models import QueueJob
from tests import factories, files

pytestmark = pytest.mark.django_db


@pytest.fixture
def rejected(data_dir: Path, settings: Any) -> Upload:
    """A picture that was too large when it came."""
    settings.IMAGE_MAX_BYTES = 1024
    (data_dir / "cameras/door").mkdir()
    (data_dir / "cameras/door/1.jpg").write_bytes(files.jpeg())
    assert accept_file(Tree(data_dir / "cameras"), "door/1.jpg", final=True) is IntakeResult.REJECTED
    return Upload.objects.get()


def test_a_rejected_file_that_is_usable_now_waits_with_complete_columns(
    administrator: Client, rejected: Upload, settings: Any, data_dir: Path
):
    settings.IMAGE_MAX_BYTES = 10**6
    answer = administrator.post(f"/api/uploads/{rejected.pk}/retry")
    assert (answer.status_code, answer.json()["state"], answer.json()["reason"]) == (202, "waiting", "")
    upload = Upload.objects.get()
    assert (upload.width, upload.height, upload.dedup_key) == (320, 180, upload.sha256)
    assert (data_dir / upload.thumbnail).exists()
    assert QueueJob.objects.get().row_id == upload.pk
    with open_original(upload) as file:
        assert file.read() == files.jpeg()
    assert administrator.post(f"/api/uploads/{upload.pk}/retry").status_code == 409


def test_a_rejected_file_that_is_still_unusable_has_the_new_reason(administrator: Client, rejected: Upload):
    answer = administrator.post(f"/api/uploads/{rejected.pk}/retry")
    assert (answer.status_code, answer.json()["code"]) == (422, "UPLOAD_REJECTED")
    assert "too_large" in answer.json()["detail"]
    assert Upload.objects.get().state == Upload.State.REJECTED


def test_a_file_that_was_refused_for_its_second_name_waits_once_it_has_one(
    administrator: Client, data_dir: Path, tmp_path: Path
):
    (data_dir / "cameras/door").mkdir()
    (data_dir / "cameras/door/1.jpg").write_bytes(files.jpeg())
    (tmp_path / "second").hardlink_to(data_dir / "cameras/door/1.jpg")
    assert accept_file(Tree(data_dir / "cameras"), "door/1.jpg", final=True) is IntakeResult.REJECTED
    linked = Upload.objects.get()
    answer = administrator.post(f"/api/uploads/{linked.pk}/retry")
    assert (answer.status_code, answer.json()["code"]) == (422, "UPLOAD_REJECTED")
    assert "linked: The file has a second name" in answer.json()["detail"]
    (tmp_path / "second").unlink()
    assert administrator.post(f"/api/uploads/{linked.pk}/retry").json()["state"] == "waiting"
    assert accept_file(Tree(data_dir / "cameras"), "door/1.jpg", final=True) is IntakeResult.KNOWN
    assert Upload.objects.get().dedup_key


def test_a_file_that_has_one_name_again_and_still_cannot_be_used_goes_to_the_quarantine(
    administrator: Client, data_dir: Path, tmp_path: Path
):
    path = data_dir / "cameras/door/1.jpg"
    path.parent.mkdir()
    path.write_bytes(files.jpeg()[:-400])
    (tmp_path / "second").hardlink_to(path)
    assert accept_file(Tree(data_dir / "cameras"), "door/1.jpg", final=True) is IntakeResult.REJECTED
    (tmp_path / "second").unlink()
    answer = administrator.post(f"/api/uploads/{Upload.objects.get().pk}/retry")
    assert "truncated" in answer.json()["detail"]
    assert accept_file(Tree(data_dir / "cameras"), "door/1.jpg", final=True) is IntakeResult.KNOWN
    assert not path.exists()
    assert (data_dir / Upload.objects.get().quarantine).exists()


def test_a_rejected_file_that_is_gone_is_reported(administrator: Client, rejected: Upload, data_dir: Path):
    (data_dir / rejected.quarantine).unlink()
    assert administrator.post(f"/api/uploads/{rejected.pk}/retry").status_code == 404


def test_a_rejected_file_whose_content_was_accepted_since_is_a_duplicate(
    administrator: Client, rejected: Upload, settings: Any, data_dir: Path
):
    settings.IMAGE_MAX_BYTES = 10**6
    (data_dir / "cameras/door/2.jpg").write_bytes(files.jpeg())
    accept_file(Tree(data_dir / "cameras"), "door/2.jpg", final=True)
    assert administrator.post(f"/api/uploads/{rejected.pk}/retry").json()["state"] == "duplicate"
    assert QueueJob.objects.count() == 1


def test_the_admin_retries_uploads_and_reports_those_that_still_fail(administrator: Client, rejected: Upload):
    dead = factories.upload(Camera.objects.get(), state=Upload.State.DEAD)
    fine = factories.upload(Camera.objects.get())
    selected = {"action": "try_again", "_selected_action": [rejected.pk, dead.pk, fine.pk]}
    page = administrator.post("/admin/cameras/upload/", selected, follow=True)
    assert "1 wait again, 1 still cannot be used." in page.content.decode()
    assert dict(Upload.objects.values_list("pk", "state")) == {
        rejected.pk: "rejected", dead.pk: "waiting", fine.pk: "detected",
    }  # fmt: skip


def test_a_viewer_tries_nothing_again_in_the_admin(client: Client, rejected: Upload):
    viewer: User = factories.user(sees=rejected.camera, is_staff=True)
    client.force_login(viewer)
    client.post("/admin/cameras/upload/", {"action": "try_again", "_selected_action": [rejected.pk]})
    assert Upload.objects.get().state == Upload.State.REJECTED
