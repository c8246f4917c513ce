"""The audit log: who changed what. `record` is called in the transaction that makes the change.

Whose request is being worked on is known from the gate on; without a request it is whoever runs the command.
"""

from __future__ import annotations

import getpass
import os
from contextvars import ContextVar
from typing import Any

from django.http import HttpRequest

from hsi.address import client_address
from hsi.ledger import AuditEntry
from hsi.models import ApiToken
from hsi.redaction import redact_data
from hsi.requestid import request_id

_request: ContextVar[HttpRequest | None] = ContextVar("audited_request", default=None)


def on_behalf_of(request: HttpRequest | None) -> None:
    """What follows in this thread or task is done for `request`; None: for nobody."""
    _request.set(request)


def record(action: str, thing: str, *, before: Any = None, after: Any = None) -> None:
    """Note that `action` (`event_reviewed`) was done to `thing` (`event 12`). Secrets are masked."""
    AuditEntry.objects.create(
        **_who(),
        action=action[:60],
        object=thing.replace("\0", "")[:200],
        before=None if before is None else redact_data(before),
        after=None if after is None else redact_data(after),
    )


def acting_user() -> str:
    """The name under which `record` would note a change made now."""
    return _who()["user"]


def _who() -> dict[str, str]:
    request = _request.get()
    if request is None:
        return {"user": f"{_operator()} (command line)"[:150]}
    token = request.META.get("hsi.token")
    return {
        "user": request.user.get_username()[:150] or "nobody",
        "token": f"{token.name} ({token.prefix}…)"[:100] if isinstance(token, ApiToken) else "",
        "address": client_address(request.META),
        "request_id": request_id(request),
    }


def _operator() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a container
        return f"uid {os.getuid()}"
