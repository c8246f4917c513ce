"""The account page: role, cameras, password, and API tokens of the user."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from cameras.access import sees_all, visible_cameras
from hsi.api.permissions import allows
from hsi.errors import HSIError
from hsi.http.request_state import state_of
from hsi.models import ApiToken
from hsi.policies import Account
from hsi.security import tokens
from hsi.security.login import PasswordForm, TokenForm
from hsi.security.policy import Act
from hsi.security.roles import Role, role_of

# Descriptions of the roles.
ROLES = {
    Role.VIEWER: "You can see your cameras and their events.",
    Role.OPERATOR: "You can see your cameras, review events and handle alerts.",
    Role.ADMIN: "You can do everything and see every camera.",
}
View = Callable[..., HttpResponse]


def own(act: Act) -> Callable[[View], View]:
    """Require the permission to do that to the own account."""

    def decorate(view: View) -> View:
        @never_cache
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not allows(request.user, state_of(request).token, act, Account):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return checked

    return decorate


@require_safe
@own("view")
def account(request: HttpRequest) -> HttpResponse:
    return page(request)


@sensitive_post_parameters()
@require_POST
@own("change")
def change_password(request: HttpRequest) -> HttpResponse:
    form = PasswordForm(request, request.POST)
    if not form.is_valid():
        return page(request, password=form)
    form.store()
    messages.success(request, "Your password is changed. All your other sessions are signed out.")
    return back()


@require_POST
@own("add")
def make_token(request: HttpRequest) -> HttpResponse:
    """Create a token and show its text, which is not stored."""
    form = TokenForm(request.POST)
    if not form.is_valid():
        return page(request, token=form)
    values = form.cleaned_data
    try:
        token, text = tokens.create_token(user_of(request), values["name"], values["scopes"], values["days"])
    except HSIError as error:
        form.add_error(None, error.detail)
        return page(request, token=form)
    return page(request, created=token, text=text)


@require_POST
@own("delete")
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    token = get_object_or_404(own_tokens(request), pk=pk)
    tokens.revoke(token)
    messages.success(request, f"The token “{token.name}” is revoked. Programs can no longer use it.")
    return back()


def page(request: HttpRequest, **forms: Any) -> HttpResponse:
    """Return the page, with an invalid `password` or `token` form, or with the `created` token and its text."""
    user = user_of(request)
    role = role_of(user) or Role.VIEWER
    context = {
        "password": PasswordForm(request), "token": TokenForm(), "role": role.group, "role_description": ROLES[role],
        "sees_all": sees_all(user), "cameras": visible_cameras(user).values_list("name", flat=True).order_by("name"),
        "tokens": own_tokens(request), "longest": tokens.MAX_DAYS,
    }  # fmt: skip
    return render(request, "events/account.html", {**context, **forms})


def own_tokens(request: HttpRequest) -> QuerySet[ApiToken]:
    """Return the usable tokens of the user, the newest first."""
    return tokens.usable().filter(user=request.user.pk).order_by("-id")


def user_of(request: HttpRequest) -> User:
    return cast(User, request.user)


def back() -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("account"))
