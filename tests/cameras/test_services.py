from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from cameras.models import Camera, Zone
from hsi.models import AuditEntry
from tests import factories

pytestmark = pytest.mark.django_db

TRIANGLE = [[0, 0], [1, 0], [0, 1]]


def send(client: Client, method: str, path: str, body: Any) -> Any:
    return getattr(client, method)(f"/api/{path}", body, content_type="application/json")


def errors(response: Any) -> set[str]:
    assert response.status_code == 400
    return set(response.json()["errors"])


def test_a_camera_is_made_with_its_folder(administrator: Client, data_dir: Path):
    answer = send(administrator, "post", "cameras", {"name": "Front door", "time_zone": "Europe/Berlin"})
    assert (answer.status_code, answer["Location"]) == (201, "/api/cameras/front_door")
    assert answer.json()["time_zone"] == "Europe/Berlin"
    assert (data_dir / "cameras/front_door").is_dir()
    assert AuditEntry.objects.get().action == "camera_created"


def test_a_folder_that_is_there_is_adopted_and_one_that_is_taken_is_not(administrator: Client, data_dir: Path):
    (data_dir / "cameras/yard").mkdir()
    assert send(administrator, "post", "cameras", {"name": "Yard", "folder": "yard"}).status_code == 201
    again = send(administrator, "post", "cameras", {"name": "Another", "folder": "yard"})
    assert (again.status_code, again.json()["code"]) == (409, "CAMERA_EXISTS")


def test_a_file_or_a_link_in_place_of_the_folder_is_a_conflict(administrator: Client, data_dir: Path):
    (data_dir / "cameras/file").write_bytes(b"")
    (data_dir / "cameras/link").symlink_to("/tmp")
    for folder in ("file", "link"):
        answer = send(administrator, "post", "cameras", {"name": "x", "folder": folder})
        assert (answer.status_code, answer.json()["code"]) == (409, "FOLDER_UNUSABLE")
    assert not Camera.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"name": ["x"]}, "name"),
        ({"name": "x", "folder": ".."}, "folder"),
        ({"name": "x", "folder": "a/b"}, "folder"),
        ({"name": "x", "folder": "é" * 101}, "folder"),
        ({"name": "x", "time_zone": "Mars"}, "time_zone"),
        ({"name": "x", "vendor": "sundial"}, "vendor"),
        ({"name": "x", "expected_interval_seconds": 59}, "expected_interval_seconds"),
        ({"name": "x", "expected_interval_seconds": 2**63}, "expected_interval_seconds"),
        ({"name": "x", "enabled": "perhaps"}, "enabled"),
        ({"name": "x", "id": "mine"}, "id"),
    ],
)
def test_a_body_that_does_not_fit_is_an_error_of_its_field(administrator: Client, body: dict[str, Any], field: str):
    assert errors(send(administrator, "post", "cameras", body)) == {field}


def test_only_what_is_given_is_changed(administrator: Client):
    factories.camera("door", time_zone="Europe/Berlin")
    answer = send(administrator, "patch", "cameras/door", {"enabled": False}).json()
    assert (answer["enabled"], answer["name"], answer["time_zone"]) == (False, "Door", "Europe/Berlin")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.before, entry.after) == ("camera_changed", {"enabled": True}, {"enabled": False})


def test_a_change_that_changes_nothing_is_not_noted(administrator: Client):
    factories.camera("door")
    assert send(administrator, "patch", "cameras/door", {"enabled": True}).status_code == 200
    assert not AuditEntry.objects.exists()


def test_a_camera_without_files_goes_with_its_empty_folders(administrator: Client, data_dir: Path):
    factories.camera("door")
    (data_dir / "cameras/door/2026/03").mkdir(parents=True)
    assert administrator.delete("/api/cameras/door").status_code == 204
    assert not (data_dir / "cameras/door").exists()
    assert not Camera.objects.exists()


def test_a_camera_with_an_upload_or_a_file_stays(administrator: Client, data_dir: Path):
    used, fresh = factories.upload().camera, factories.camera("fresh")
    (data_dir / "cameras/fresh").mkdir()
    (data_dir / "cameras/fresh/new.jpg").write_bytes(b"x")
    for camera in (used, fresh):
        answer = administrator.delete(f"/api/cameras/{camera.pk}")
        assert (answer.status_code, answer.json()["code"]) == (409, "CAMERA_HAS_FILES")
    assert Camera.objects.count() == 2
    assert (data_dir / "cameras/fresh/new.jpg").exists()


def test_a_zone_is_made_changed_and_removed(administrator: Client):
    factories.camera("door")
    made = send(administrator, "post", "cameras/door/zones", {"name": "The lawn", "polygon": TRIANGLE})
    assert (made.status_code, made["Location"]) == (201, "/api/cameras/door/zones/the_lawn")
    assert made.json()["polygon"] == TRIANGLE
    assert [one["id"] for one in administrator.get("/api/cameras/door/zones").json()["items"]] == ["the_lawn"]
    changed = send(administrator, "patch", "cameras/door/zones/the_lawn", {"enabled": False, "kind": "private"}).json()
    assert (changed["enabled"], changed["kind"], changed["polygon"]) == (False, "private", TRIANGLE)
    assert administrator.delete("/api/cameras/door/zones/the_lawn").status_code == 204
    assert not Zone.objects.exists()
    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == [
        "zone_created", "zone_changed", "zone_deleted",
    ]  # fmt: skip


def test_the_second_of_two_changes_of_the_same_version_of_a_zone_is_refused(administrator: Client):
    factories.zone(factories.camera("door"), id="lawn", name="Lawn")
    path = "cameras/door/zones/lawn"
    changed = send(administrator, "patch", path, {"version": 1, "polygon": TRIANGLE})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    refused = send(administrator, "patch", path, {"version": 1, "name": "Mine"})
    assert (refused.status_code, refused.json()["code"]) == (409, "ZONE_CHANGED")
    assert Zone.objects.values_list("name", "version", "polygon").get() == ("Lawn", 2, TRIANGLE)
    assert send(administrator, "patch", path, {"name": "Yours"}).json()["version"] == 3  # any version
    assert [entry.action for entry in AuditEntry.objects.all()] == ["zone_changed", "zone_changed"]
    assert errors(send(administrator, "patch", path, {"version": 2**63})) == {"version"}
    assert errors(
        send(administrator, "post", "cameras/door/zones", {"name": "x", "polygon": TRIANGLE, "version": 1})
    ) == {"version"}


def test_two_cameras_may_have_a_zone_of_the_same_name_and_one_camera_may_not(administrator: Client):
    body = {"name": "Lawn", "polygon": TRIANGLE}
    for camera in ("door", "yard"):
        factories.camera(camera)
        assert send(administrator, "post", f"cameras/{camera}/zones", body).status_code == 201
    again = send(administrator, "post", "cameras/yard/zones", body)
    assert (again.status_code, again.json()["code"]) == (409, "ZONE_EXISTS")
    assert Zone.objects.count() == 2


def test_a_camera_has_only_so_many_zones(administrator: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("cameras.services.MAX_ZONES", 1)
    factories.zone(factories.camera("door"))
    answer = send(administrator, "post", "cameras/door/zones", {"name": "Lawn", "polygon": TRIANGLE})
    assert (answer.status_code, answer.json()["code"]) == (409, "TOO_MANY_ZONES")


@pytest.mark.parametrize(
    "polygon",
    [
        [],
        [[0, 0], [1, 1]],
        [[0, 0], [1, 0], [0, 1.01]],
        [[0, 0], [1, 0], [0, -0.1]],
        [[0, 0], [1, 0], ["0", 1]],
        [[0, 0], [1, 0], [True, 1]],
        [[0, 0], [1, 0], [0, 10**400]],
        [[0, 0, 0], [1, 0, 0], [0, 1, 0]],
        [[0, 0], [1, 1], [1, 0], [0, 1]],
        "0 0, 1 0, 0 1",
        {"x": 1},
        [[i / 100, (i % 2) / 2] for i in range(65)],
    ],
)
def test_a_polygon_that_is_none_is_an_error_of_its_field(administrator: Client, polygon: Any):
    factories.camera("door")
    assert errors(send(administrator, "post", "cameras/door/zones", {"name": "Lawn", "polygon": polygon})) == {
        "polygon"
    }


def test_the_zone_of_another_camera_is_not_found_under_this_one(administrator: Client):
    zone = factories.zone()
    factories.camera("door")
    assert administrator.get(f"/api/cameras/door/zones/{zone.pk}").status_code == 404
