"""Who may connect: which messages each address carries, and which user a connection belongs to."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from django.contrib.auth.models import AbstractBaseUser

from cameras.access import visible_camera_ids
from events.stream.protocol import Close
from hsi.errors import RateLimitError
from hsi.models import digest
from hsi.outbox.messages import CameraId
from hsi.security import rate_limit
from hsi.security.authentication import is_set_up
from hsi.security.credentials import look_up, user_of_session
from hsi.security.rate_limit import NO_CREDENTIAL, Credential
from hsi.security.roles import is_admin
from hsi.security.tokens import find_token


@dataclass(frozen=True, slots=True)
class Topic:
    """The messages of one address. `families` are first parts of message types."""

    families: frozenset[str]
    for_administrators: bool = False


EVENTS = Topic(frozenset({"event", "alert", "detection", "batch", "camera"}))
SYSTEM = Topic(frozenset({"system", "service", "worker", "queue", "gpu"}), for_administrators=True)


@dataclass(frozen=True, slots=True)
class Credentials:
    """The token or the session key that a client sent. A token takes precedence over a session."""

    token: Credential = field(default=NO_CREDENTIAL, repr=False)
    session: Credential = field(default=NO_CREDENTIAL, repr=False)


@dataclass(frozen=True, slots=True)
class Viewer:
    """The user of a connection. `cameras` are the ids of the cameras that the user may see, None means all."""

    user_id: int
    cameras: frozenset[CameraId] | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a connection is closed."""

    code: Close
    reason: str


UNKNOWN_TOKEN = Refusal(Close.NOT_SIGNED_IN, "The token is unknown, expired or revoked.")
UNKNOWN_SESSION = Refusal(Close.NOT_SIGNED_IN, "Sign in, or send a token.")


def authorize_connection(credentials: Credentials, topic: Topic, network: str) -> Viewer | Refusal:
    """Find the viewer of a new connection, and count the connection."""
    secret = credentials.token or credentials.session

    def find(_: Credential) -> Viewer | Refusal | None:
        viewer = find_viewer(credentials, topic)
        return None if viewer in (UNKNOWN_TOKEN, UNKNOWN_SESSION) else viewer

    try:
        result = look_up(secret, network, find) if secret else find(secret)
    except RateLimitError as error:
        return _try_later("Too many invalid tokens.", error.retry_after_seconds)
    viewer = result or (UNKNOWN_TOKEN if credentials.token else UNKNOWN_SESSION)
    if isinstance(viewer, Refusal):
        wait_seconds = rate_limit.allow("websocket", network)
    elif credentials.token:
        wait_seconds = rate_limit.allow("websocket", f"token{digest(credentials.token)[:16]}")
    else:
        wait_seconds = rate_limit.allow("websocket", f"user{viewer.user_id}", is_person=True)
    return _try_later("Too many new connections.", wait_seconds) if wait_seconds else viewer


def find_viewer(credentials: Credentials, topic: Topic) -> Viewer | Refusal:
    """Read the token or session, the user and the grants from the database. Refuse users who may not use `topic`."""
    if not is_set_up():
        return Refusal(Close.NOT_SIGNED_IN, "There is no user yet: this system is not set up.")
    user = _user_of_token(credentials.token) if credentials.token else user_of_session(credentials.session)
    if user is None:
        return UNKNOWN_SESSION
    if isinstance(user, Refusal):
        return user
    if topic.for_administrators and not is_admin(user):
        return Refusal(Close.NOT_ALLOWED, "This is for administrators.")
    return Viewer(user.pk, visible_camera_ids(user))


def _user_of_token(text: str) -> AbstractBaseUser | Refusal:
    token = find_token(text)
    if token is None:
        return UNKNOWN_TOKEN
    if not {"read", "admin"} & set(token.scopes):
        return Refusal(Close.NOT_ALLOWED, "The token lacks the scope read.")
    return token.user


def _try_later(reason: str, wait_seconds: float) -> Refusal:
    return Refusal(Close.TOO_MANY, f"{reason} Try again in {math.ceil(wait_seconds)} s.")
