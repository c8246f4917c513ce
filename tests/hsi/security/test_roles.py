from __future__ import annotations

import importlib
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser, Group, User
from django.core.management import CommandError, call_command
from django.test import Client

from hsi.security.roles import Role, has_role, is_admin, role_of, set_role
from tests import factories

pytestmark = pytest.mark.django_db


def again(user: User) -> User:
    return User.objects.get(pk=user.pk)


def test_the_role_is_the_highest_of_the_groups():
    user = factories.user(role=None)
    assert role_of(again(user)) == Role.VIEWER  # more must be given
    for name, role in (("viewer", Role.VIEWER), ("operator", Role.OPERATOR), ("admin", Role.ADMIN)):
        user.groups.add(Group.objects.get_or_create(name=name)[0])
        assert role_of(again(user)) == role
    assert role_of(factories.admin()) == Role.ADMIN


def test_who_is_not_signed_in_or_deactivated_has_none():
    assert role_of(AnonymousUser()) is None
    assert not has_role(factories.user(is_active=False, is_superuser=True), Role.VIEWER)


def test_a_command_sets_the_one_role_and_says_what_is_left():
    anna = factories.user("anna")
    out, err = StringIO(), StringIO()
    call_command("set_role", "anna", "admin", stdout=out)
    assert is_admin(again(anna))
    assert again(anna).is_staff
    call_command("set_role", "anna", "viewer", stdout=out)
    assert out.getvalue() == "anna is now admin.\nanna is now viewer.\n"
    assert (role_of(again(anna)), again(anna).is_staff) == (Role.VIEWER, False)
    factories.admin("boss")
    call_command("set_role", "boss", "viewer", stdout=out, stderr=err)
    assert err.getvalue() == "boss is also a superuser and still has every permission.\n"
    with pytest.raises(CommandError, match="There are: anna, boss"):
        call_command("set_role", "carl", "viewer")


def test_a_viewer_changes_nothing_and_an_operator_reviews(client: Client):
    event = factories.event()
    user = factories.user(sees=event.camera)
    client.force_login(user)
    for role, status in ((Role.VIEWER, 403), (Role.OPERATOR, 200)):
        set_role(user, role)
        answer = client.patch(f"/api/events/{event.pk}", {"reviewed": True}, content_type="application/json")
        assert answer.status_code == status
        assert client.get(f"/api/events/{event.pk}").status_code == 200


def test_the_role_admin_opens_every_page_of_the_admin(client: Client):
    chief = factories.user()
    set_role(chief, Role.ADMIN)
    client.force_login(chief)
    for path in ("/admin/", "/admin/auth/user/", "/admin/dead-letters/", "/admin/hsi/loginfailure/"):
        assert client.get(path).status_code == 200, path


def test_the_groups_are_made_once_and_removed_where_nobody_is_in_them():
    migration: Any = importlib.import_module("hsi.migrations.0001_initial")
    migration.create_groups(apps, None)
    migration.create_groups(apps, None)
    assert Group.objects.filter(name__in=["viewer", "operator", "admin"]).count() == 3
    set_role(factories.user(), Role.VIEWER)
    migration.delete_empty_groups(apps, None)
    assert set(Group.objects.values_list("name", flat=True)) == {"viewer"}


def test_a_key_of_the_settings_still_reviews(settings: Any):
    settings.API_KEY_ENABLED, settings.API_KEYS = True, ["k" * 20]
    path, headers = f"/api/events/{factories.event().pk}", {"X-API-Key": "k" * 20}
    for _ in range(2):
        answer = Client().patch(path, {"reviewed": True}, content_type="application/json", headers=headers)
        assert answer.status_code == 200


def test_a_request_asks_for_the_role_with_its_user(client: Client, django_assert_num_queries):
    client.force_login(factories.user())
    with django_assert_num_queries(3):  # session, user, cameras
        client.get("/api/cameras")
    headers = {"X-API-Key": factories.token(factories.user())}
    Client().get("/api/cameras", headers=headers)
    with django_assert_num_queries(2):
        Client().get("/api/cameras", headers=headers)
