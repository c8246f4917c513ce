"""Who a connection belongs to, and which cameras that user may see."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.contrib.auth.models import AbstractBaseUser

from cameras.access import visible_camera_ids
from events.stream.protocol import Close
from events.stream.topics import Topic
from hsi.security.authentication import is_set_up
from hsi.security.credentials import user_of_session
from hsi.security.roles import is_admin
from hsi.security.tokens import find_token


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


UNKNOWN_TOKEN = Refusal(Close.NOT_SIGNED_IN, "The token is unknown, expired or revoked.")
UNKNOWN_SESSION = Refusal(Close.NOT_SIGNED_IN, "Sign in, or send a token.")


def recognise(credentials: Credentials, topic: Topic) -> Viewer | Refusal:
    """Look it all up anew: token or session, user, and grants. Who may not listen to `topic` is refused."""
    if not is_set_up():
        return Refusal(Close.NOT_SIGNED_IN, "There is no user yet: this system is not set up.")
    user = _by_token(credentials.token) if credentials.token else _by_session(credentials.session)
    if isinstance(user, Refusal):
        return user
    if topic.for_administrators and not is_admin(user):
        return Refusal(Close.NOT_ALLOWED, "This is for administrators.")
    return Viewer(user.pk, visible_camera_ids(user))


def _by_token(text: str) -> AbstractBaseUser | Refusal:
    token = find_token(text)
    if token is None:
        return UNKNOWN_TOKEN
    if not {"read", "admin"} & set(token.scopes):
        return Refusal(Close.NOT_ALLOWED, "The token lacks the scope read.")
    return token.user


def _by_session(key: str) -> AbstractBaseUser | Refusal:
    return user_of_session(key) or UNKNOWN_SESSION
