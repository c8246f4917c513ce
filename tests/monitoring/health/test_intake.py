from __future__ import annotations

import pytest
from django.test import Client

from cameras.models import Camera, IntakeProblem
from monitoring.health.checks import outcome
from monitoring.health.intake import IntakeCheck
from tests import factories

pytestmark = pytest.mark.django_db

Kind = IntakeProblem.Kind


def problem(folder: str, kind: IntakeProblem.Kind, count: int, detail: str = "") -> None:
    IntakeProblem.objects.create(
        folder=folder, kind=kind, count=count, example="a.jpg", detail=detail, since=factories.NOW
    )


def test_files_that_cannot_be_read_degrade_and_only_staff_learn_which():
    problem("cellar", Kind.UNREADABLE_FILE, 20, "Permission denied")
    problem("attic", Kind.UNREADABLE_FILE, 2, "Permission denied")
    told = outcome(IntakeCheck(), for_staff=False)
    assert told == {"status": "degraded", "detail": "files that cannot be read: 22."}
    assert (
        "cellar: files that cannot be read: 20 (a.jpg: Permission denied)"
        in (outcome(IntakeCheck(), for_staff=True)["detail"])
    )


def test_who_sees_some_cameras_learns_of_their_folders_and_of_what_concerns_all():
    factories.camera("nvr_00", folder="nvr/00")
    for folder, count in (("nvr", 1), ("attic", 2), ("", 4)):
        problem(folder, Kind.FAILING, count)
    seen = IntakeCheck(cameras=Camera.objects.filter(pk="nvr_00"))
    assert outcome(seen, for_staff=False)["detail"] == "files that cannot be accepted now: 5."


def test_files_of_unknown_kinds_are_counted_and_are_no_fault():
    problem("door", Kind.UNKNOWN, 3)
    assert outcome(IntakeCheck(), for_staff=False) == {
        "status": "healthy", "detail": "files of an unknown kind: 3.",
    }  # fmt: skip


def test_the_camera_its_page_and_the_metrics_say_so(client: Client):
    camera = factories.camera("door")
    factories.camera("yard")
    problem("door", Kind.UNREADABLE_FOLDER, 1, "Permission denied")
    client.force_login(factories.admin())
    told = {one["id"]: one["problems"] for one in client.get("/api/cameras").json()["items"]}
    assert told == {"door": ["folders that cannot be read: 1 (a.jpg: Permission denied)"], "yard": []}
    assert 'hsi_intake_problems{kind="unreadable_folder"} 1.0' in client.get("/metrics").content.decode()
    from monitoring.pages.camera.arrivals import problems

    assert [finding.words for finding in problems(camera)] == [
        "folders that cannot be read: 1 (a.jpg: Permission denied)."
    ]
