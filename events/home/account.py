"""The page of one's own account: who one is, what one sees, another password, and tokens for programs."""

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

# What each role may do, for whoever has it.
ROLES = {
    Role.VIEWER: "You look at your cameras and what they saw.",
    Role.OPERATOR: "You look at your cameras, review events and see to alerts.",
    Role.ADMIN: "You may do everything, and see every camera.",
}
View = Callable[..., HttpResponse]


def own(act: Act) -> Callable[[View], View]:
    """For whoever may do that to their own account."""

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
    messages.success(request, "Your password is changed. Wherever else you were signed in, you no longer are.")
    return back()


@require_POST
@own("add")
def make_token(request: HttpRequest) -> HttpResponse:
    """Answers with the token's text, which is stored nowhere."""
    form = TokenForm(request.POST)
    if not form.is_valid():
        return page(request, token=form)
    given = form.cleaned_data
    try:
        made, text = tokens.create_token(user_of(request), given["name"], given["scopes"], given["days"])
    except HSIError as error:
        form.add_error(None, error.detail)
        return page(request, token=form)
    return page(request, made=made, text=text)


@require_POST
@own("delete")
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    token = get_object_or_404(own_tokens(request), pk=pk)
    tokens.revoke(token)
    messages.success(request, f"The token “{token.name}” is revoked. Whatever used it is shut out.")
    return back()


def page(request: HttpRequest, **forms: Any) -> HttpResponse:
    """The page with the `password` or `token` form that was not valid, or the token that was `made`, with its text."""
    user = user_of(request)
    role = role_of(user) or Role.VIEWER
    shown = {
        "password": PasswordForm(request), "token": TokenForm(), "role": role.group, "role_words": ROLES[role],
        "sees_all": sees_all(user), "cameras": visible_cameras(user).values_list("name", flat=True).order_by("name"),
        "tokens": own_tokens(request), "longest": tokens.MAX_DAYS,
    }  # fmt: skip
    return render(request, "events/account.html", {**shown, **forms})


def own_tokens(request: HttpRequest) -> QuerySet[ApiToken]:
    """Those of the user that can be used, the newest first."""
    return tokens.usable().filter(user=request.user.pk).order_by("-id")


def user_of(request: HttpRequest) -> User:
    return cast(User, request.user)


def back() -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("account"))
