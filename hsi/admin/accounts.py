"""Wrong passwords in the admin: who is locked out, and letting them in again."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from hsi import audit
from hsi.admin.base import MachineAdmin
from hsi.models import LoginFailure
from hsi.security.lockout import hashed


@admin.register(LoginFailure)
class LoginFailureAdmin(MachineAdmin):
    list_display = ("at", "address", "name")
    exact_fields = ("address",)
    ordering = ("-at", "-id")
    fields = ("at", "address", "name")
    readonly_fields = ("name",)
    actions = ("forget",)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        self.__dict__.pop("_names", None)
        return super().changelist_view(request, extra_context)

    @cached_property
    def _names(self) -> dict[str, str]:
        """Users by the hash of their name: nothing else can say whom a hash means."""
        return {hashed(name): name for name in User.objects.values_list("username", flat=True)}

    @admin.display(description="user")
    def name(self, failure: LoginFailure) -> str:
        return self._names.get(failure.who, "no such user")

    @admin.action(description="Forget the selected failures", permissions=["act"])
    def forget(self, request: HttpRequest, queryset: QuerySet[LoginFailure]) -> None:
        with transaction.atomic():
            count, _ = queryset.delete()
            audit.record("logins_unlocked", "selected failures", before={"failures": count})
        self.message_user(request, f"{count} forgotten. Whoever was locked out by them may sign in again.")
