"""Who a connection belongs to, and which cameras that user may see."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest

from cameras.access import visible_camera_ids
from events.stream.messages import Close
from hsi.gate import is_set_up
from hsi.tokens import find_token


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client showed: the text of a token, or a session's key. The token goes before the session."""

    token: str = field(default="", repr=False)
    session: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Viewer:
    """A user who may listen. `cameras` are the ids of those the user may see; None is all."""

    user_id: int
    cameras: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Refusal:
    code: Close
    reason: str


def recognise(credentials: Credentials) -> Viewer | Refusal:
    """Look it all up anew: token or session, user, and grants."""
    if not is_set_up():
        return Refusal(Close.NOT_SIGNED_IN, "There is no user yet: this system is not set up.")
    if credentials.token:
        return _by_token(credentials.token)
    return _by_session(credentials.session)


def _by_token(text: str) -> Viewer | Refusal:
    token = find_token(text)
    if token is None:
        return Refusal(Close.NOT_SIGNED_IN, "The token is unknown, expired or revoked.")
    if not {"read", "admin"} & set(token.scopes):
        return Refusal(Close.NOT_ALLOWED, "The token lacks the scope read.")
    return _viewer(token.user)


def _by_session(key: str) -> Viewer | Refusal:
    if not key:
        return Refusal(Close.NOT_SIGNED_IN, "Sign in, or send a token.")
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    return _viewer(get_user(request))


def _viewer(user: AbstractBaseUser | AnonymousUser) -> Viewer | Refusal:
    if not user.is_authenticated or not user.is_active:
        return Refusal(Close.NOT_SIGNED_IN, "Sign in, or send a token.")
    return Viewer(user.pk, visible_camera_ids(user))
