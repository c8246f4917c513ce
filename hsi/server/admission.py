"""Who may send a large body: asked as soon as the headers of a request are there, by either web server."""

from __future__ import annotations

import shutil
import tempfile

from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest

from hsi.api.permissions import allows
from hsi.errors import (
    BusyError,
    DatabaseUnavailableError,
    ForbiddenError,
    HSIError,
    NotAuthenticatedError,
    RateLimitError,
)
from hsi.http import body_limits, refusal_log
from hsi.http.client_address import client_network
from hsi.models import ApiToken
from hsi.policies import Incoming
from hsi.security import authentication, rate_limit
from hsi.security.credentials import session_key, user_of_session
from hsi.security.tokens import token_in
from hsi.server import bodies

RETRY_AFTER_SECONDS = 60


class TemporaryStorageFullError(BusyError):
    """The disk for incoming request bodies is nearly full."""

    code = "STORAGE_FULL"

    def __init__(self) -> None:
        super().__init__(retry_after_seconds=RETRY_AFTER_SECONDS)


def is_large(announced_bytes: int | None) -> bool:
    """Tell whether a body of this announced length (None: chunked) is taken from known senders alone."""
    return announced_bytes is None or announced_bytes > body_limits.UNKNOWN_SENDER_BYTES


def admit(request: HttpRequest, announced_bytes: int | None) -> None:
    """Raise HSIError where the sender of a large body is not known, may not send it, or there is no room for it.

    Looks at the head of `request` alone. The gate looks at the request again once its body is there.
    """
    try:
        user, token = _sender(request)
        if body_limits.is_upload(request.path_info) and not allows(user, token, "add", Incoming):
            raise ForbiddenError("This needs the role operator. A token also needs the scope ingest.")
        require_temporary_room(announced_bytes or 0)
    except (DatabaseError, InterfaceError) as error:
        raise DatabaseUnavailableError from error
    except HSIError as error:
        refusal_log.note(client_network(request.META), f"it sends a large body: {error.detail}")
        raise


def _sender(request: HttpRequest) -> tuple[User, ApiToken | None]:
    network = client_network(request.META)
    if text := token_in(request):
        token = authentication.authenticate(text, network)
        return token.user, token
    if key := session_key(request):
        rate_limit.refuse_lookup(key, network)
        if user := user_of_session(key):
            rate_limit.note_right(key)
            return user, None
        rate_limit.note_wrong(network)
    if wait_seconds := rate_limit.allow("general", network):
        raise RateLimitError(wait_seconds=wait_seconds)
    raise NotAuthenticatedError


def require_temporary_room(body_bytes: int) -> None:
    """Raise TemporaryStorageFullError where the temporary folder would be nearly full with so many bytes more."""
    usage = shutil.disk_usage(tempfile.gettempdir())
    floor = max(settings.DISK_FREE_FLOOR_BYTES, usage.total * settings.DISK_FREE_FLOOR_PERCENT / 100)
    if usage.free - bodies.known_senders.outstanding_bytes() - body_bytes < floor:
        raise TemporaryStorageFullError
