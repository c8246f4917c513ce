from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser, Group, User
from django.core import checks
from django.db.models import Model
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.views import APIView

from cameras.models import Camera, CameraGrant, Upload
from detection.models import Detection
from events.models import Alert, AlertRule, Event
from hsi.admin.base import HSIAdmin
from hsi.api.permissions import PolicyPermission, allows, subject_of
from hsi.checks import check_policies
from hsi.models import StreamHead
from hsi.policies import Account, Incoming, System
from hsi.security import policy
from hsi.security.policy import Act, NoPolicyError, Policy
from hsi.security.roles import Role
from tests import factories

pytestmark = pytest.mark.django_db

ACTS: tuple[Act, ...] = ("view", "add", "change", "delete")


def may(role: Role, subject: type) -> set[str]:
    user = factories.user(role=role)
    return {act for act in ACTS if policy.may(user, act, subject)}


@pytest.mark.parametrize(
    ("subject", "viewer", "operator"),
    [
        (Camera, {"view"}, {"view"}),
        (CameraGrant, set(), set()),
        (Upload, {"view"}, {"view", "change"}),
        (Incoming, {"view"}, {"view", "add"}),
        (Detection, {"view"}, {"view"}),
        (Event, {"view"}, {"view", "change", "delete"}),
        (Alert, {"view"}, {"view", "change"}),
        (AlertRule, set(), set()),
        (User, set(), set()),
        (System, set(), set()),
        (Account, set(ACTS), set(ACTS)),
    ],
)
def test_what_each_role_may_do(subject: type, viewer: set[str], operator: set[str]):
    assert (may(Role.VIEWER, subject), may(Role.OPERATOR, subject)) == (viewer, operator)
    assert may(Role.ADMIN, subject) == set(ACTS)


def test_who_is_not_signed_in_or_deactivated_may_do_nothing():
    for user in (AnonymousUser(), factories.user(is_active=False), factories.user(is_active=False, is_superuser=True)):
        assert not any(policy.may(user, act, Event) for act in ACTS)
        assert not policy.visible(Event.objects.all(), user)


def test_rows_are_those_of_the_cameras_that_were_granted():
    mine, _ = factories.event(), factories.event()
    user = factories.user(sees=mine.camera)
    assert list(policy.visible(Event.objects.all(), user)) == [mine]
    assert list(policy.visible(Camera.objects.all(), user)) == [mine.camera]
    assert list(policy.visible(AlertRule.objects.all(), user)) == []
    assert policy.visible(Event.objects.all(), factories.admin()).count() == 2


def test_nothing_is_allowed_without_a_policy():
    with pytest.raises(NoPolicyError, match="StreamHead has no policy"):
        policy.may(factories.admin(), "view", StreamHead)


def test_a_second_policy_for_the_same_rows_is_refused():
    with pytest.raises(ValueError, match="Event has a policy already"):
        policy.register(Policy(), Event)


def test_a_token_needs_the_scope_as_well():
    user = factories.user(role=Role.OPERATOR)
    for scope, able in (
        ("read", {("view", Event)}),
        ("write", {("change", Event), ("change", Upload)}),
        ("ingest", {("add", Incoming)}),
        ("admin", {("view", Event), ("change", Event), ("change", Upload), ("add", Incoming), ("view", Account)}),
    ):
        factories.token(user, scope)
        token = user.api_tokens.order_by("-pk").first()
        asked: list[tuple[Act, type]] = [
            ("view", Event), ("change", Event), ("change", Upload), ("add", Incoming), ("view", Account),
            ("view", AlertRule), ("change", System),
        ]  # fmt: skip
        assert {one for one in asked if allows(user, token, *one)} == able


def api_views(resolver: URLResolver | None = None) -> set[type[APIView]]:
    found = set()
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLPattern):
            view: Any = getattr(pattern.callback, "cls", None)
            found |= {view} if view is not None and issubclass(view, APIView) else set()
        else:
            found |= api_views(pattern)
    return found


def test_every_view_of_the_api_says_whose_policy_it_follows():
    ours = {view for view in api_views() if not view.__module__.startswith("drf_spectacular")}
    assert len(ours) > 50
    for view in ours - {view for view in ours if view.__name__ == "Metrics"}:  # which has a rule for addresses
        assert list(view.permission_classes) == [PolicyPermission], view
        assert policy.policy_for(subject_of(view())), view


def test_a_view_that_does_not_say_it_answers_nobody():
    with pytest.raises(NoPolicyError, match="APIView does not say"):
        subject_of(APIView())


def test_every_list_and_inline_of_the_admin_follows_a_policy():
    assert check_policies(None) == []


class Loose(admin.ModelAdmin):  # type: ignore[type-arg]
    inlines = ()


class Filtered(HSIAdmin):
    list_filter = ("camera", "state")


class WithInline(HSIAdmin):
    class Grants(admin.TabularInline):  # type: ignore[type-arg]
        model = CameraGrant

    inlines = (Grants,)


@pytest.mark.parametrize(
    ("model", "page", "said"),
    [
        (Group, Loose, "Loose does not inherit hsi.admin.base.ByPolicy."),
        (StreamHead, HSIAdmin, "StreamHead has no policy."),
        (Upload, Filtered, "Filtered filters by 'camera' without VisibleChoices."),
        (Camera, WithInline, "Grants does not inherit hsi.admin.base.ByPolicy."),
    ],
)
def test_a_page_of_the_admin_that_follows_none_stops_the_start(
    model: type[Model], page: Any, said: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(admin.site._registry, model, page(model, admin.site))
    (found,) = check_policies(None)
    assert (found.msg, found.id, found.level) == (said, "hsi.E004", checks.ERROR)
