"""The audit log, paused queues and changed settings in the admin.

And users and groups, whose changes are entries of the log.
"""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.safestring import SafeString
from unfold import forms
from unfold.decorators import action

from hsi.admin.base import AuditedAdmin, MachineAdmin, VisibleChoices, json_block
from hsi.http.mount import link
from hsi.models.ledger import AuditEntry, LiveSetting, QueuePause

EXPORT = "/api/audit/export"


@admin.register(AuditEntry)
class AuditEntryAdmin(MachineAdmin):
    list_display = ("time", "user", "token", "address", "action", "object")
    list_filter = ("time",)
    exact_fields = ("user", "object", "request_id", "action")
    search_help_text = "A user, an object such as “event 12”, a request id, or an action such as “event_reviewed”."
    ordering = ("-time", "-id")
    sortable_by = ("time",)
    fields = ("time", "user", "token", "address", "action", "object", "was", "became", "request_id")
    readonly_fields = ("was", "became")
    actions_list = ("as_csv", "as_json")

    @action(description="Export all as CSV", permissions=["view"])  # type: ignore[untyped-decorator]  # so is the library
    def as_csv(self, request: HttpRequest) -> HttpResponseRedirect:
        return HttpResponseRedirect(link(f"{EXPORT}?format=csv"))

    @action(description="Export all as JSON", permissions=["view"])  # type: ignore[untyped-decorator]  # so is the library
    def as_json(self, request: HttpRequest) -> HttpResponseRedirect:
        return HttpResponseRedirect(link(f"{EXPORT}?format=json"))

    @admin.display(description="before")
    def was(self, entry: AuditEntry) -> SafeString:
        return json_block(entry.before)

    @admin.display(description="after")
    def became(self, entry: AuditEntry) -> SafeString:
        return json_block(entry.after)


@admin.register(QueuePause)
class QueuePauseAdmin(MachineAdmin):
    list_display = ("queue", "paused_at", "paused_by")
    search_fields = ("queue",)
    ordering = ("queue",)


@admin.register(LiveSetting)
class LiveSettingAdmin(MachineAdmin):
    list_display = ("name", "value", "changed_at", "changed_by")
    search_fields = ("name",)
    ordering = ("name",)


admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class AuditedUserAdmin(UserAdmin, AuditedAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """Django's own, with an audit log."""

    list_filter = ("is_staff", "is_superuser", "is_active", ("groups", VisibleChoices))
    form = forms.UserChangeForm
    add_form = forms.UserCreationForm
    change_password_form = forms.AdminPasswordChangeForm

    @transaction.atomic
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        """With its entry in the audit log, or not at all."""
        return super().user_change_password(request, id, form_url)


@admin.register(Group)
class AuditedGroupAdmin(GroupAdmin, AuditedAdmin):
    """Django's own, with an audit log."""
