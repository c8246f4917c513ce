"""The login page, and the forms of the account page: change of password, and tokens."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import authenticate, update_session_auth_hash
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.views import LoginView
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from hsi import audit
from hsi.security.known_clients import remember_device
from hsi.security.lockout import hashed
from hsi.security.tokens import MAX_DAYS

# What each scope allows, within the permissions of the user.
SCOPES = {
    "read": "look at cameras, pictures and events, and hear the stream",
    "write": "review events, handle alerts, change what its user may change",
    "ingest": "send pictures and clips",
    "admin": "all of these, tokens of its own, and operations where its user is an administrator",
}
USUAL_DAYS = 365


class TokenForm(forms.Form):
    name = forms.CharField(max_length=80)
    scopes = forms.MultipleChoiceField(choices=list(SCOPES.items()), initial=["read"])
    days = forms.IntegerField(required=False, min_value=1, max_value=MAX_DAYS, initial=USUAL_DAYS)


class PasswordForm(PasswordChangeForm):
    """Ask for the old password with the protection of the login: too many failures raise `LockedOutError`."""

    def __init__(self, request: HttpRequest, data: Any = None) -> None:
        super().__init__(request.user, data)  # type: ignore[arg-type]  # the view requires a login
        self.request = request
        self.fields["old_password"].widget.attrs.pop("autofocus", None)  # the form is not the first element of its page

    def clean_old_password(self) -> str:
        old: str = self.cleaned_data["old_password"]
        if authenticate(self.request, username=self.user.get_username(), password=old) is None:
            raise forms.ValidationError(self.error_messages["password_incorrect"], code="password_incorrect")
        return old

    def store(self) -> None:
        """Set the new password and record it in the audit log. The other sessions of the user end."""
        with transaction.atomic():
            update_session_auth_hash(self.request, self.save())


class AuditedPassword:
    """A validator that accepts everything. Django calls all validators after each change of a password."""

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        pass

    def password_changed(self, password: str, user: AbstractBaseUser | None = None) -> None:
        if user is not None:
            audit.record("password_set", f"user {user.get_username()}")

    def get_help_text(self) -> str:
        return "When it is changed, the user's other sessions end."


class SignIn(LoginView):
    template_name = "hsi/login.html"
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        answer = super().form_valid(form)
        remember_device(self.request, answer, hashed(form.get_user().get_username()))
        return answer
