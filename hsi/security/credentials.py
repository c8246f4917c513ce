"""The credentials of a request (API token or session) and their lookup.

`look_up` is the only place that protects a lookup against guessing. The authentication middleware, the admission of
large bodies and the WebSocket handshake use it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TypeVar, cast

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest

from hsi.errors import NotAuthenticatedError
from hsi.http.request_state import state_of
from hsi.models import ApiToken
from hsi.security import rate_limit
from hsi.security.rate_limit import Credential
from hsi.security.tokens import find_token

Found = TypeVar("Found")


def look_up(credential: Credential, network: str, find: Callable[[Credential], Found]) -> Found:
    """Return the result of `find` for a token or session key from `network`, and count an invalid one (None).

    After too many invalid credentials from `network`, raise RateLimitError without calling `find`. Recently valid
    credentials are still looked up.
    """
    rate_limit.refuse_lookup(credential, network)
    found = find(credential)
    if found is None:
        rate_limit.count_wrong(network)
    else:
        rate_limit.remember_valid(credential)
    return found


def require_token(text: Credential, network: str) -> ApiToken:
    """Return the token with this text from `network`. Raise RateLimitError and NotAuthenticatedError."""
    token = look_up(text, network, find_token)
    if token is None:
        raise NotAuthenticatedError("The token is unknown, expired or revoked.")
    return token


def token_text(request: HttpRequest) -> Credential:
    """Return the token of a request's headers, or an empty string. A token in the URL is ignored."""
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer" and text.strip():
        return Credential(text.strip())
    return Credential(request.headers.get("X-API-Key", "").strip())


def session_key(request: HttpRequest) -> Credential:
    """Return the value of the session cookie, or an empty string."""
    return Credential(request.COOKIES.get(settings.SESSION_COOKIE_NAME, ""))


def user_of_session(key: Credential) -> User | None:
    """Return the active user of the session with this key.

    Use this where no middleware has run: in the WebSocket handshake, and before the body of a request is read.
    """
    if not key:
        return None
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    user = get_user(request)
    return None if isinstance(user, AnonymousUser) or not user.is_active else user


def sender_of(request: HttpRequest) -> User | AnonymousUser:
    """Return the user of an authenticated request, by token or session."""
    token = state_of(request).token
    return token.user if token else cast(User, request.user)
