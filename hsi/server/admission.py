"""Admission of large request bodies: both web servers ask as soon as the headers of a request are there."""

from __future__ import annotations

import tempfile
from pathlib import Path

from django.contrib.auth.models import User
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest

from hsi.api.permissions import allows
from hsi.disk_space import Floor, missing_bytes
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
from hsi.security import rate_limit
from hsi.security.credentials import look_up, require_token, session_key, token_text, user_of_session
from hsi.server import bodies

RETRY_AFTER_SECONDS = 60


class TemporaryStorageFullError(BusyError):
    """The disk for incoming request bodies is nearly full."""

    code = "STORAGE_FULL"

    def __init__(self) -> None:
        super().__init__(retry_after_seconds=RETRY_AFTER_SECONDS)


def admit(request: HttpRequest, announced_bytes: int | None) -> None:
    """Raise HSIError if the sender of a large body is unknown or lacks permission, or if the disk is too full.

    `request` has headers only. The middleware authenticates the request again once its body is there.
    """
    try:
        user, token = _sender(request)
        if body_limits.is_upload(request.path_info) and not allows(user, token, "add", Incoming):
            raise ForbiddenError("This needs the role operator. A token also needs the scope ingest.")
        require_temporary_room(announced_bytes or 0)
    except (DatabaseError, InterfaceError) as error:
        raise DatabaseUnavailableError from error
    except HSIError as error:
        refusal_log.record(client_network(request.META), f"it sends a large body: {error.detail}")
        raise


def _sender(request: HttpRequest) -> tuple[User, ApiToken | None]:
    network = client_network(request.META)
    if text := token_text(request):
        token = require_token(text, network)
        return token.user, token
    if (key := session_key(request)) and (user := look_up(key, network, user_of_session)):
        return user, None
    if wait_seconds := rate_limit.allow("general", network):
        raise RateLimitError(retry_after_seconds=wait_seconds)
    raise NotAuthenticatedError


def require_temporary_room(body_bytes: int) -> None:
    """Raise TemporaryStorageFullError if `body_bytes` more would leave less than the floor free."""
    incoming_bytes = bodies.known_senders.outstanding_bytes() + body_bytes
    if missing_bytes([Path(tempfile.gettempdir())], Floor.configured(), incoming_bytes=incoming_bytes):
        raise TemporaryStorageFullError
