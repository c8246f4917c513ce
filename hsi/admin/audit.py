"""The audit log in the admin, with its exports."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponseRedirect
from django.utils.safestring import SafeString
from unfold.decorators import action

from hsi.admin.base import MachineAdmin, json_block
from hsi.http.url_prefix import link
from hsi.models import AuditEntry

EXPORT = "/api/audit/export"


@admin.register(AuditEntry)
class AuditEntryAdmin(MachineAdmin):
    list_display = ("created_at", "user", "token", "address", "action", "object")
    list_filter = ("created_at",)
    exact_fields = ("user", "object", "request_id", "action")
    search_help_text = "A user, an object such as “event 12”, a request id, or an action such as “event_reviewed”."
    ordering = ("-created_at", "-id")
    sortable_by = ("created_at",)
    fields = ("created_at", "user", "token", "address", "action", "object", "was", "became", "request_id")
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
