"""The audit log and paused queues in the admin; and users and groups, whose changes are entries of the log."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.utils.safestring import SafeString

from hsi.admin_base import AuditedAdmin, SuperuserOnlyAdmin, json_block
from hsi.ledger import AuditEntry, QueuePause


@admin.register(AuditEntry)
class AuditEntryAdmin(SuperuserOnlyAdmin):
    list_display = ("time", "user", "token", "address", "action", "object")
    list_filter = ("time",)
    search_fields = ("=user", "=object", "=request_id", "action__startswith")
    search_help_text = "A user, an object such as “event 12”, a request id, or how an action begins."
    ordering = ("-time", "-id")
    sortable_by = ("time",)
    fields = ("time", "user", "token", "address", "action", "object", "was", "became", "request_id")
    readonly_fields = ("was", "became")

    @admin.display(description="before")
    def was(self, entry: AuditEntry) -> SafeString:
        return json_block(entry.before)

    @admin.display(description="after")
    def became(self, entry: AuditEntry) -> SafeString:
        return json_block(entry.after)


@admin.register(QueuePause)
class QueuePauseAdmin(SuperuserOnlyAdmin):
    list_display = ("queue", "paused_at", "paused_by")
    search_fields = ("queue",)
    ordering = ("queue",)


admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class AuditedUserAdmin(AuditedAdmin, UserAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """Django's own, with an audit log."""


@admin.register(Group)
class AuditedGroupAdmin(AuditedAdmin, GroupAdmin):
    """Django's own, with an audit log."""
