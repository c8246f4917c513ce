"""Accounts in the admin: users, groups, failed logins and API tokens."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold import forms
from unfold.decorators import action

from hsi import audit
from hsi.admin.base import AuditedAdmin, ByPolicy, MachineAdmin, VisibleChoices, badge
from hsi.models import ApiToken, LoginFailure
from hsi.security import tokens
from hsi.security.lockout import hashed

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class AuditedUserAdmin(UserAdmin, AuditedAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """Extend Django's user admin by audit log entries."""

    list_filter = ("is_staff", "is_superuser", "is_active", ("groups", VisibleChoices))
    form = forms.UserChangeForm
    add_form = forms.UserCreationForm
    change_password_form = forms.AdminPasswordChangeForm

    @transaction.atomic
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        """Change the password and record it in the audit log, in one transaction."""
        return super().user_change_password(request, id, form_url)


@admin.register(Group)
class AuditedGroupAdmin(GroupAdmin, AuditedAdmin):
    """Extend Django's group admin by audit log entries."""


@admin.register(LoginFailure)
class LoginFailureAdmin(MachineAdmin):
    list_display = ("created_at", "address", "name")
    exact_fields = ("address",)
    ordering = ("-created_at", "-id")
    fields = ("created_at", "address", "name")
    readonly_fields = ("name",)
    actions = ("forget",)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        self.__dict__.pop("_names", None)
        return super().changelist_view(request, extra_context)

    @cached_property
    def _names(self) -> dict[str, str]:
        """Map the hash of each user name to the name. A hash alone does not reveal it."""
        return {hashed(name): name for name in User.objects.values_list("username", flat=True)}

    @admin.display(description="user")
    def name(self, failure: LoginFailure) -> str:
        return self._names.get(failure.username_hash, "no such user")

    @admin.action(description="Delete the selected failures", permissions=["act"])
    def forget(self, request: HttpRequest, queryset: QuerySet[LoginFailure]) -> None:
        with transaction.atomic():
            count, _ = queryset.delete()
            audit.record("logins_unlocked", "selected failures", before={"failures": count})
        self.message_user(
            request, f"Deleted {count} failure{'' if count == 1 else 's'}. Locked-out users may sign in again."
        )


@admin.register(ApiToken)
class ApiTokenAdmin(MachineAdmin):
    """List and revoke tokens. A separate page and `create_token` create them and show the secret once."""

    list_display = (
        "name", "user", "prefix", "token_state", "scope_names",
        "created_at", "expires_at", "last_used_at", "revocation",
    )  # fmt: skip
    list_select_related = ("user",)
    search_fields = ("name", "prefix", "user__username")
    ordering = ("-id",)
    fields = (
        "name", "user", "prefix", "token_state", "scope_names", "created_at", "expires_at", "last_used_at",
        "revoked_at",
    )  # fmt: skip
    readonly_fields = ("prefix", "token_state", "scope_names")
    actions = ("revoke",)
    actions_list = ("make",)

    def has_make_permission(self, request: HttpRequest) -> bool:
        return ByPolicy.has_add_permission(self, request)

    @action(description="Create a token", permissions=["make"])  # type: ignore[untyped-decorator]  # so is the library
    def make(self, request: HttpRequest) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("admin:new_token"))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow deletion only together with the user. A revoked token stays visible."""
        match = request.resolver_match
        with_user = match is not None and (match.url_name or "").startswith("auth_user_")
        return with_user and ByPolicy.has_delete_permission(self, request, obj)

    @admin.action(description="Revoke the selected tokens", permissions=["act"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        count = sum(tokens.revoke(token) for token in queryset)
        self.message_user(request, f"{count} token{'' if count == 1 else 's'} revoked with immediate effect.")

    @admin.display(description="state")
    def token_state(self, token: ApiToken) -> SafeString:
        if token.revoked_at:
            return badge("revoked", "bad")
        if token.expires_at and token.expires_at <= timezone.now():
            return badge("expired", "warn")
        return badge("valid", "good")

    @admin.display(description="")
    def revocation(self, token: ApiToken) -> SafeString | str:
        if token.revoked_at:
            return ""
        return format_html('<a href="{}">Revoke…</a>', reverse("admin:revoke_token", args=[token.pk]))

    @admin.display(description="scopes")
    def scope_names(self, token: ApiToken) -> str:
        return ", ".join(map(str, token.scopes))
