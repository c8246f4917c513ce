"""Whose session a cookie names, where no middleware has looked at the request: at a socket's handshake, or before a
body is read."""

from __future__ import annotations

from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest


def session_key(request: HttpRequest) -> str:
    """Return what the request's session cookie holds, or an empty string."""
    return request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")


def user_of_session(key: str) -> User | None:
    """Return the active user who is signed in with this session key."""
    if not key:
        return None
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    user = get_user(request)
    return None if isinstance(user, AnonymousUser) or not user.is_active else user
