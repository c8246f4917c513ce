"""Who changes what in the admin, whatever permissions they were given beside their role."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse

from cameras.models import CameraGrant
from events.models import Alert, AlertRule, Event
from hsi.models import CircuitBreaker
from hsi.security.roles import Role, set_role
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


def test_permissions_of_django_allow_less_than_the_role_and_never_more():
    user = staff(Role.OPERATOR)
    assert allowed(user, Event) == {"view", "change", "module"}
    user.user_permissions.set(Permission.objects.filter(codename__in=("view_event", "change_alertrule")))
    user = User.objects.get(pk=user.pk)
    assert allowed(user, Event) == {"view", "module"}
    assert allowed(user, AlertRule) == set()


def test_an_operator_cannot_make_themselves_an_administrator(client: Client):
    user = staff(Role.OPERATOR)
    client.force_login(user)
    form = {"username": user.username, "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    assert client.post(reverse("admin:auth_user_change", args=[user.pk]), form).status_code == 403
    assert client.get(reverse("admin:auth_user_changelist")).status_code == 403
    user.refresh_from_db()
    assert not user.is_superuser


@pytest.mark.parametrize(("role", "state"), [(Role.VIEWER, "open"), (Role.OPERATOR, "open"), (Role.ADMIN, "closed")])
def test_a_breaker_is_reset_by_administrators_as_in_the_api(client: Client, role: Role, state: str):
    CircuitBreaker.objects.create(name="nemotron", state="open", failures=5)
    client.force_login(staff(role))
    client.post(reverse("admin:reset_breaker", args=["nemotron"]))
    assert CircuitBreaker.objects.get().state == state


def test_a_form_offers_the_rows_that_its_user_may_see():
    """Also in a form that somebody adds later: the queryset of every field is narrowed."""
    mine, theirs = factories.event(), factories.event()
    user = staff(Role.OPERATOR)
    CameraGrant.objects.create(camera=mine.camera, user=user)
    request = RequestFactory().get("/")
    pages: Any = admin.site._registry[Alert]
    for who, events, rules in ((user, [mine], 0), (factories.admin(), [theirs, mine], 1)):
        request.user = who
        factories.rule()
        offered = {
            name: pages.formfield_for_foreignkey(Alert._meta.get_field(name), request).queryset
            for name in ("event", "camera", "rule")
        }
        assert list(offered["event"].order_by("-pk")) == events
        assert set(offered["camera"]) == {event.camera for event in events}
        assert bool(offered["rule"]) == bool(rules)


def test_the_history_of_a_row_is_for_who_may_read_the_audit_log(client: Client):
    camera = factories.camera("door")
    user = staff(Role.OPERATOR)
    CameraGrant.objects.create(camera=camera, user=user)
    for who, status, leads_there in ((user, 403, False), (factories.admin(), 200, True)):
        client.force_login(who)
        path = reverse("admin:cameras_camera_history", args=["door"])
        assert client.get(path).status_code == status
        page = client.get(reverse("admin:cameras_camera_change", args=["door"])).content.decode()
        assert (path in page) is leads_there


def test_who_may_see_a_camera_stands_on_its_page_for_administrators_alone(client: Client):
    camera = factories.camera("door")
    factories.user("the-grandmother", sees=camera)
    user = staff(Role.OPERATOR)
    CameraGrant.objects.create(camera=camera, user=user)
    path = reverse("admin:cameras_camera_change", args=["door"])
    for who, told in ((user, False), (factories.admin(), True)):
        client.force_login(who)
        assert ("the-grandmother" in client.get(path).content.decode()) is told
