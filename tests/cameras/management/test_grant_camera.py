"""`grant_camera` and `revoke_camera`."""

from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from cameras.access import visible_camera_ids
from cameras.models import CameraGrant
from tests import factories

pytestmark = pytest.mark.django_db


def run(command: str, *arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command(command, *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_a_grant_lets_see_and_a_revocation_ends_it():
    anna = factories.user("anna")
    factories.camera("door")
    assert run("grant_camera", "anna", "door")[0] == "anna may now see door.\n"
    assert visible_camera_ids(anna) == frozenset({"door"})
    assert run("revoke_camera", "anna", "door") == ("anna no longer has a grant of door.\n", "")
    assert visible_camera_ids(anna) == frozenset()


def test_granting_and_revoking_twice_is_no_error():
    factories.user("anna", sees=factories.camera("door"))
    assert run("grant_camera", "anna", "door")[0] == "anna could already see door.\n"
    assert CameraGrant.objects.count() == 1
    run("revoke_camera", "anna", "door")
    assert run("revoke_camera", "anna", "door")[0] == "anna had no grant of door.\n"


def test_revoking_reports_a_camera_that_the_user_still_sees():
    door = factories.camera("door")
    group = Group.objects.create(name="family")
    group.user_set.add(factories.user("anna", sees=door))
    CameraGrant.objects.create(camera=door, group=group)
    assert run("revoke_camera", "anna", "door")[1] == "anna can still see door through a group.\n"
    factories.admin("root")
    assert run("revoke_camera", "root", "door")[1] == "root can still see door as an administrator.\n"


def test_a_group_is_granted_and_revoked_for_all_its_users():
    family = Group.objects.create(name="family")
    anna = factories.user("anna")
    family.user_set.add(anna)
    factories.camera("door")
    assert run("grant_camera", "family", "door", "--group")[0] == "family may now see door.\n"
    assert visible_camera_ids(anna) == frozenset({"door"})
    assert run("revoke_camera", "family", "door", "--group") == ("family no longer has a grant of door.\n", "")
    assert visible_camera_ids(anna) == frozenset()
    with pytest.raises(CommandError, match="no group 'guests'"):
        run("grant_camera", "guests", "door", "--group")


@pytest.mark.parametrize("command", ["grant_camera", "revoke_camera"])
def test_an_unknown_name_lists_the_valid_ones(command: str):
    with pytest.raises(CommandError, match=r"no user 'anna'\. There are: none yet"):
        run(command, "anna", "door")
    factories.user("anna")
    factories.camera("door")
    with pytest.raises(CommandError, match=r"no camera 'shed'\. There are: door"):
        run(command, "anna", "shed")
