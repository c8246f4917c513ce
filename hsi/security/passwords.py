"""Passwords in the audit log: that one was set, by whom and for whom, never which."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser

from hsi import audit


class AuditedPassword:
    """A validator that lets everything pass. Django tells them all when a password was changed, wherever that was."""

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        pass

    def password_changed(self, password: str, user: AbstractBaseUser | None = None) -> None:
        if user is not None:
            audit.record("password_set", f"user {user.get_username()}")

    def get_help_text(self) -> str:
        return "When it is changed, the user's other sessions end."
