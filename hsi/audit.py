"""The audit log: who changed what. Call `record` in the transaction of the change.

The authentication middleware sets the current request. Without a request, the entry names the user of the process.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest

from hsi.http.client_address import client_address
from hsi.http.request_state import state_of
from hsi.logs.redaction import redact_data
from hsi.models import AuditEntry

_request: ContextVar[HttpRequest | None] = ContextVar("audited_request", default=None)
_actor: ContextVar[dict[str, str] | None] = ContextVar("audited_actor", default=None)


def on_behalf_of(request: HttpRequest | None) -> None:
    """Set the request that this thread or task works for. None clears it."""
    _request.set(request)


def record(action: str, thing: str, *, before: Any = None, after: Any = None) -> None:
    """Record that `action` (`event_reviewed`) was done to `thing` (`event 12`). Mask secrets."""
    AuditEntry.objects.create(
        **actor(),
        action=action[:60],
        object=thing.replace("\0", "")[:200],
        before=None if before is None else redact_data(before),
        after=None if after is None else redact_data(after),
    )


def acting_user() -> str:
    """Return the user name that `record` would store now."""
    return actor()["user"]


@contextmanager
def by(who: dict[str, str]) -> Iterator[None]:
    """Run the block on behalf of `who`, an earlier result of `actor`."""
    token = _actor.set(who)
    try:
        yield
    finally:
        _actor.reset(token)


def actor() -> dict[str, str]:
    """Return the user, token and address of the current change as entry fields."""
    request = _request.get()
    if asked := _actor.get():
        return asked
    if request is None:
        return {"user": f"{_operator()} (command line)"[:150]}
    state = state_of(request)
    token = state.token
    return {
        "user": (token.user if token else request.user).get_username()[:150] or "nobody",
        "token": f"{token.name} ({token.prefix}…)"[:100] if token else "",
        "address": client_address(request.META),
        "request_id": state.request_id,
    }


def _operator() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a container
        return f"uid {os.getuid()}"


def expired(now: datetime) -> QuerySet[AuditEntry]:
    """Return the entries that are too old."""
    return AuditEntry.objects.filter(created_at__lt=now - timedelta(days=settings.AUDIT_RETENTION_DAYS))
