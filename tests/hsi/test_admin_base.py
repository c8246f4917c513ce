"""Who changes what in the admin, whatever permissions they were given beside their role."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse

from cameras.models import CameraGrant
from events.models import AlertRule
from hsi.models import CircuitBreaker
from hsi.roles import Role, set_role
from tests import factories

pytestmark = pytest.mark.django_db

WHO_MAY_WHAT = (User, Group, CameraGrant)


def staff(role: Role) -> User:
    """Let into the admin with every permission there is, in that role."""
    user = factories.user()
    set_role(user, role)
    user.is_staff = True
    user.save()
    user.user_permissions.set(Permission.objects.all())
    return user


def allowed(user: User, model: type[Model]) -> set[str]:
    request = RequestFactory().get("/")
    request.user = user
    pages = admin.site._registry[model]
    found = {name for name, may in pages.get_model_perms(request).items() if may}
    return found | ({"module"} if pages.has_module_permission(request) else set())


@pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model.__name__)
def test_a_viewer_changes_nothing(model: type[Model]):
    assert allowed(staff(Role.VIEWER), model) <= {"view", "module"}


@pytest.mark.parametrize("model", WHO_MAY_WHAT, ids=lambda model: model.__name__)
def test_only_administrators_say_who_may_see_and_do_what(model: type[Model]):
    assert allowed(staff(Role.OPERATOR), model) == set()
    assert allowed(staff(Role.ADMIN), model) == {"view", "add", "change", "delete", "module"}


def test_an_operator_changes_what_they_were_given():
    assert allowed(staff(Role.OPERATOR), AlertRule) == {"view", "add", "change", "delete", "module"}
    user = factories.user(is_staff=True)
    set_role(user, Role.OPERATOR)
    user.user_permissions.set(Permission.objects.filter(codename="view_alertrule"))
    assert allowed(user, AlertRule) == {"view", "module"}


def test_an_operator_cannot_make_themselves_an_administrator(client: Client):
    user = staff(Role.OPERATOR)
    client.force_login(user)
    form = {"username": user.username, "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    assert client.post(reverse("admin:auth_user_change", args=[user.pk]), form).status_code == 403
    assert client.get(reverse("admin:auth_user_changelist")).status_code == 403
    user.refresh_from_db()
    assert not user.is_superuser


@pytest.mark.parametrize(("role", "state"), [(Role.VIEWER, "open"), (Role.OPERATOR, "closed")])
def test_a_breaker_is_reset_by_an_operator_and_not_by_a_viewer(client: Client, role: Role, state: str):
    CircuitBreaker.objects.create(name="nemotron", state="open", failures=5)
    client.force_login(staff(role))
    client.post(reverse("admin:hsi_circuitbreaker_changelist"), {"action": "reset", "_selected_action": ["nemotron"]})
    assert CircuitBreaker.objects.get().state == state
