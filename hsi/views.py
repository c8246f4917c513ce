"""Create the first administrator through the set-up link that the server prints."""

from __future__ import annotations

from django import forms
from django.contrib.auth import get_user_model, login
from django.contrib.auth.forms import BaseUserCreationForm
from django.contrib.auth.models import User
from django.core import signing
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from hsi import audit
from hsi.security.known_clients import remember_device
from hsi.security.lockout import hashed

SALT = "hsi.setup"
LINK_AGE_SECONDS = 24 * 3600


def setup_path() -> str:
    """Return the path of a set-up link. The link is valid for a day, and only while there is no user."""
    return f"{reverse('setup')}?key={signing.dumps('setup', salt=SALT)}"


class SetupForm(BaseUserCreationForm):  # type: ignore[type-arg]  # not subscriptable at run time
    class Meta:
        model = User
        fields = ("username",)

    username = forms.CharField(
        max_length=150, initial="admin", widget=forms.TextInput(attrs={"autocomplete": "username"})
    )


@never_cache
@require_http_methods(["GET", "POST"])
def setup(request: HttpRequest) -> HttpResponse:
    """Create the first administrator. Redirect to the login once there is a user, answer 403 without a valid link."""
    if get_user_model().objects.exists():
        return redirect("login")
    try:
        signing.loads(request.GET.get("key", ""), salt=SALT, max_age=LINK_AGE_SECONDS)
    except signing.BadSignature:
        return render(
            request,
            "hsi/not_set_up.html",
            {"detail": "This set-up link is not valid. Restart the server to get a new link."},
            status=403,
        )
    form = SetupForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = _first_administrator(form)
        if user is None:
            return redirect("login")
        login(request, user)
        answer = redirect("home")
        remember_device(request, answer, hashed(user.get_username()))
        return answer
    return render(request, "hsi/setup.html", {"form": form})


def _first_administrator(form: SetupForm) -> User | None:
    """Create the administrator. Return None if a concurrent request created one first."""
    with transaction.atomic():
        if connection.vendor == "postgresql":  # an empty table has no row to lock; SQLite has one writer anyway
            with connection.cursor() as cursor:
                cursor.execute("LOCK TABLE auth_user IN SHARE ROW EXCLUSIVE MODE")
        if get_user_model().objects.exists():
            return None
        user: User = form.save(commit=False)
        user.is_staff = user.is_superuser = True
        user.save()
        audit.record("user_created", f"user {user.get_username()}", after={"administrator": True})
    return user


@require_GET
def favicon(request: HttpRequest) -> HttpResponse:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
        '<rect width="32" height="32" rx="8" fill="#2563eb"/>'
        '<circle cx="16" cy="16" r="8" fill="none" stroke="#fff" stroke-width="3"/>'
        '<circle cx="16" cy="16" r="3" fill="#fff"/></svg>'
    )
    return HttpResponse(svg, content_type="image/svg+xml", headers={"Cache-Control": "public, max-age=86400"})
