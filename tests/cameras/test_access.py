from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, Group

from cameras.access import only_visible, visible_camera_ids, visible_cameras
from cameras.models import CameraGrant, Upload
from hsi.security.roles import Role, role_of, set_role
from tests import factories

pytestmark = pytest.mark.django_db


def test_a_user_sees_the_cameras_granted_to_them_and_no_other():
    door, garden = factories.camera("door"), factories.camera("garden")
    viewer = factories.user(sees=door)
    CameraGrant.objects.create(camera=garden, user=factories.user())
    assert list(visible_cameras(viewer)) == [door]
    assert visible_camera_ids(viewer) == frozenset({"door"})


def test_a_user_sees_the_cameras_of_their_groups_once():
    door = factories.camera("door")
    factories.camera("garden")
    viewer = factories.user(sees=door)
    for name in ("family", "guests"):
        group = Group.objects.create(name=name)
        group.user_set.add(viewer)
        CameraGrant.objects.create(camera=door, group=group)
    assert list(visible_cameras(viewer)) == [door]


def test_a_user_without_a_grant_sees_nothing():
    factories.upload()
    nobody = factories.user()
    assert visible_camera_ids(nobody) == frozenset()
    assert not only_visible(Upload.objects.all(), nobody).exists()


def test_being_staff_alone_shows_no_camera():
    factories.camera()
    assert not visible_cameras(factories.user(is_staff=True)).exists()


def test_an_administrator_sees_all_cameras_also_those_to_come():
    admin = factories.admin()
    assert visible_camera_ids(admin) is None
    factories.upload()
    assert only_visible(Upload.objects.all(), admin).count() == 1


def test_the_role_admin_sees_what_a_superuser_sees():
    factories.camera()
    chief = factories.user()
    set_role(chief, Role.ADMIN)
    assert visible_camera_ids(chief) is None
    set_role(chief, Role.OPERATOR)
    assert visible_camera_ids(chief) == frozenset()


@pytest.mark.parametrize("is_superuser", [True, False])
def test_a_deactivated_user_sees_nothing(is_superuser: bool):
    door = factories.camera()
    gone = factories.user(sees=door, is_superuser=is_superuser, is_active=False)
    assert visible_camera_ids(gone) == frozenset()
    assert not visible_cameras(gone).exists()


def test_a_stranger_sees_nothing():
    factories.camera()
    assert visible_camera_ids(AnonymousUser()) == frozenset()
    assert not visible_cameras(AnonymousUser()).exists()


def test_rows_are_narrowed_in_one_query(django_assert_num_queries):
    uploads = [factories.upload() for _ in range(3)]
    viewer = factories.user(sees=uploads[1].camera)
    role_of(viewer)  # a request knows it from loading its user
    with django_assert_num_queries(1):
        assert list(only_visible(Upload.objects.all(), viewer)) == [uploads[1]]


def test_the_way_to_the_camera_can_be_named():
    detection = factories.detection()
    factories.detection()
    viewer = factories.user(sees=detection.camera)
    events = only_visible(type(detection).objects.all(), viewer, field="upload__camera")
    assert list(events) == [detection]
