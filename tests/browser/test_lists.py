"""Every list of rows and every form of the admin in a real browser: looked at, and each action done by keys."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from cameras.models import Camera, CameraGrant, Upload
from events.models import Alert, AlertRule, Delivery, Event, NotificationChannel
from hsi.models import ApiToken, AuditEntry, LoginFailure
from tests import factories
from tests.browser import night
from tests.browser.chromium import Visit
from tests.browser.everything import everything, given_up
from tests.browser.screens import HEIGHT, SCREENS, Screen, press, said, signed_in

pytestmark = [
    pytest.mark.slow,
    pytest.mark.one_engine,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("webhooks_to_here"),
]

ENVIRONMENT = {"WEBHOOK_ALLOWED_HOSTS": "127.0.0.1"}
# What a person can act on. A radio button is reached through the chosen one of its group.
USABLE = "a[href], button:enabled, select:enabled, textarea:enabled, input:enabled:not([type=hidden], [type=radio])"
HIDDEN = ".select2-hidden-accessible, .track a"  # others stand in their place
UNREACHABLE = """([usable, hidden]) => [...document.querySelectorAll(`#main :is(${usable})`)]
  .filter(one => !one.matches(hidden) && one.checkVisibility({checkVisibilityCSS: true}))
  .filter(one => one.tabIndex < 0 || one.closest("[inert]"))
  .map(one => one.outerHTML.slice(0, 200))"""


def places(boss: User) -> list[str]:
    """The list of each model, and what leads on from it: adding, changing or looking, history, deleting."""
    request = RequestFactory().get("/")
    request.user = boss
    found = []
    for model, pages in admin.site._registry.items():
        row = model._default_manager.first()
        assert row is not None, model
        found.append(place(model, "changelist"))
        found += [place(model, "add")] if pages.has_add_permission(request) else []
        found += [place(model, "change", row), place(model, "history", row)]
        found += [place(model, "delete", row)] if pages.has_delete_permission(request, row) else []
    return found


def place(model: type[Model], what: str, row: Model | None = None) -> str:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{what}"
    return reverse(name, args=[row.pk] if row else [])


@pytest.mark.parametrize("screen", [screen for screen in SCREENS if screen.is_phone], indirect=True, ids=str)
def test_every_list_and_form_fits_every_screen_and_is_reached_by_keys(visit: Visit, boss: User) -> None:
    night.trouble(boss)
    everything()
    page = visit.page
    wide: dict[tuple[str, int], int] = {}
    for address in places(boss):
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200, address
        for width in sorted({screen.width for screen in SCREENS}):
            page.set_viewport_size({"width": width, "height": HEIGHT})
            wide[address, width] = page.evaluate("document.documentElement.scrollWidth")
            assert page.evaluate(UNREACHABLE, [USABLE, HIDDEN]) == [], (address, width)
    assert wide == {(address, width): width for address, width in wide}


@dataclass(frozen=True, slots=True)
class Action:
    """One of a list's: a row it is done to, what is said then, and what the row is afterwards; None: deleted."""

    model: type[Model]
    name: str
    row: Callable[[User], Model]
    says: str
    after: dict[str, Any] | None

    def is_done(self, row: Model) -> bool:
        if self.after is None:
            return not self.model._base_manager.filter(pk=row.pk).exists()
        return self.model._base_manager.filter(pk=row.pk, **self.after).exists()


def failure(boss: User) -> LoginFailure:
    return LoginFailure.objects.create(username_hash="0" * 64, address="192.0.2.1", created_at=timezone.now())


def token(boss: User) -> ApiToken:
    factories.token(boss)
    return ApiToken.objects.latest("pk")


def event(**values: Any) -> Callable[[User], Model]:
    return lambda boss: factories.event(**values)


def undelivered(boss: User) -> Delivery:
    return given_up(factories.event())


def failed(boss: User) -> Upload:
    upload = factories.upload(state="dead", reason="HSIError: it fails")
    factories.dead_letter(upload)
    return upload


def grant(boss: User) -> CameraGrant:
    return CameraGrant.objects.create(camera=factories.camera(), user=boss)


DELETED = "Successfully deleted 1"
ACTIONS = (
    Action(LoginFailure, "forget", failure, "Deleted 1 failure.", None),
    Action(Upload, "try_again", failed, "1 wait again.", {"state": "waiting"}),
    Action(ApiToken, "revoke", token, "1 token revoked", {"revoked_at__isnull": False}),
    Action(Alert, "acknowledge", lambda _: factories.alert(), "1 acknowledged.", {"handled_by": "boss"}),
    Action(Alert, "dismiss", lambda _: factories.alert(), "1 dismissed.", {"status": "dismissed"}),
    Action(Event, "mark_reviewed", event(), "1 changed.", {"reviewed": True}),
    Action(Event, "mark_unreviewed", event(reviewed=True), "1 changed.", {"reviewed": False}),
    Action(Event, "release", event(kept=True), "1 changed.", {"kept": False}),
    Action(
        Delivery, "send_again", lambda _: given_up(factories.event()), "1 will be sent again.", {"state": "pending"}
    ),
    Action(NotificationChannel, "send_test", lambda _: factories.channel(name="phone"), "phone: ", {"name": "phone"}),
    Action(NotificationChannel, "delete_selected", lambda _: factories.channel(), DELETED, None),
    Action(AlertRule, "delete_selected", lambda _: factories.rule(), DELETED, None),
    Action(CameraGrant, "delete_selected", grant, DELETED, None),
    Action(User, "delete_selected", lambda _: factories.user(), DELETED, None),
    Action(Group, "delete_selected", lambda _: Group.objects.create(name="neighbours"), DELETED, None),
)


def test_there_is_no_other_action(boss: User) -> None:
    request = RequestFactory().get("/")
    request.user = boss
    found = {(model, name) for model, pages in admin.site._registry.items() for name in pages.get_actions(request)}
    assert found == {(action.model, action.name) for action in ACTIONS}


def test_every_action_of_a_list_is_done_by_keys(visit: Visit, boss: User) -> None:
    page = visit.page
    for action in ACTIONS:
        row = action.row(boss)
        page.goto(place(action.model, "changelist"))
        press(page.locator(f"input.action-select[value='{row.pk}']"), "Space")
        page.get_by_role("combobox", name="Action").select_option(action.name)
        press(page.get_by_role("button", name="Run"))
        if action.name == "delete_selected":
            press(page.get_by_role("button", name="Yes"))
        said(page, action.says)
        assert action.is_done(row), action
    page.wait_for_load_state("networkidle")
    visit.forgive("404")  # these events have no picture


def test_a_person_is_made_and_changed_and_deleted(visit: Visit) -> None:
    page = visit.page
    page.goto("/admin/auth/user/")
    press(page.get_by_role("link", name=re.compile("^Add")))
    page.get_by_label("Username").fill("ann")
    for field in ("Password", "Password confirmation"):
        page.get_by_label(field, exact=True).fill("12345")
    page.get_by_role("button", name="Save", exact=True).press("Enter")
    said(page, "This password is too short.")
    for field in ("Password", "Password confirmation"):
        page.get_by_label(field, exact=True).fill(factories.PASSWORD)
    page.get_by_role("button", name="Save", exact=True).press("Enter")
    said(page, "was added successfully")
    page.get_by_label("Email address").fill("ann@example.org")
    page.get_by_role("button", name="Save", exact=True).press("Enter")
    said(page, "was changed successfully")
    ann = User.objects.get(username="ann")
    assert ann.email == "ann@example.org"
    page.goto(place(User, "delete", ann))
    press(page.get_by_role("button", name="Yes"))
    said(page, "was deleted successfully")
    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == [
        "password_set", "user_added", "user_changed", "user_deleted",
    ]  # fmt: skip


def test_a_rule_and_its_channel_are_made(visit: Visit) -> None:
    door = factories.camera("door", name="Front door")
    factories.zone(door, id="lawn", name="Lawn")
    page = visit.page
    page.goto("/admin/events/notificationchannel/add/")
    page.get_by_label("Name").fill("phone")
    page.get_by_label("Kind").select_option("webhook")
    page.get_by_label("Url").fill("http://10.0.0.1/hook")
    page.get_by_role("button", name="Save", exact=True).press("Enter")
    said(page, "10.0.0.1 is not a public address.")
    page.get_by_label("Url").fill("http://127.0.0.1:9/hook")
    page.get_by_role("button", name="Save", exact=True).press("Enter")
    said(page, "was added successfully")
    page.goto("/admin/events/alertrule/add/")
    page.get_by_label("Name").fill("People on the lawn")
    page.get_by_label("Labels").fill("person, dog")
    press(page.get_by_label("Lawn (Front door)"), "Space")
    press(page.get_by_label("phone"), "Space")
    page.get_by_role("button", name="Save", exact=True).press("Enter")
    said(page, "was added successfully")
    rule = AlertRule.objects.get()
    assert (rule.labels, rule.zones, rule.channels.get().name) == (["person", "dog"], ["lawn"], "phone")
    said(page, "in lawn")


def test_who_may_see_a_camera_is_added_to_it(visit: Visit) -> None:
    door, ann = factories.camera("door"), factories.user("ann")
    page = visit.page
    page.goto(place(Camera, "change", door))
    press(page.get_by_role("link", name=re.compile("Add another viewer", re.IGNORECASE)))
    choose(page, "ann")
    page.get_by_role("button", name="Save", exact=True).press("Enter")
    said(page, "was changed successfully")
    assert CameraGrant.objects.get().user == ann
    page.goto(place(Camera, "delete", door))
    press(page.get_by_role("button", name="Yes"))
    said(page, "was deleted successfully")
    assert not Camera.objects.exists()


def choose(page: Page, name: str) -> None:
    """The first that is offered for what was typed."""
    page.locator(".select2-selection:visible").first.press("Enter")
    page.locator(".select2-search__field").fill(name)
    expect(page.locator(".select2-results__option--highlighted")).to_have_text(name)
    page.keyboard.press("Enter")


def test_the_audit_log_is_taken_home(visit: Visit, boss: User, screen: Screen) -> None:
    night.trouble(boss)
    page = visit.page
    for name, ends in (("Export all as CSV", ".csv"), ("Export all as JSON", ".json")):
        page.goto("/admin/hsi/auditentry/")
        if screen.is_phone:
            press(page.get_by_role("link", name="More"))
        with page.expect_download() as download:
            press(page.get_by_role("link", name=name))
        assert download.value.suggested_filename.endswith(ends)
        assert "tried_again" in download.value.path().read_text()


def test_one_changes_ones_password(visit: Visit, boss: User) -> None:
    boss.password = PBKDF2PasswordHasher().encode(factories.PASSWORD, "salt")  # the server knows no quicker one
    boss.save()
    page = signed_in(visit, boss).page
    page.goto("/account")
    for old, said_then in (
        ("wrong", "Your old password was entered incorrectly"),
        (factories.PASSWORD, "Your password is changed"),
    ):
        page.get_by_label("Current password", exact=True).fill(old)
        for field in ("New password", "Repeat the new password"):
            page.get_by_label(field, exact=True).fill("a new and long one, 7 7 7")
        page.get_by_role("button", name="Change password").click()
        expect(page.get_by_text(said_then)).to_be_visible()
    before = boss.password
    boss.refresh_from_db()
    assert boss.password != before
