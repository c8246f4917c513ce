"""The policies of the machinery's rows, and of what is no row."""

from __future__ import annotations

from django.contrib.auth.models import Group, Permission, User

from hsi.models import (
    ApiToken,
    AuditEntry,
    CircuitBreaker,
    DeadLetter,
    LiveSetting,
    LoginFailure,
    QueueJob,
    QueuePause,
    StreamMessage,
    WorkerHeartbeat,
)
from hsi.security.policy import Policy, register
from hsi.security.roles import Role


class System:
    """How the system as a whole does, over all cameras, and what is done about it."""


class Account:
    """What belongs to whoever is signed in: their password and their tokens."""


class Incoming:
    """Files of cameras that somebody sends in. Known before any view: it decides whether a body is taken at all."""


class Common:
    """What everyone who is signed in may know, such as the description of the API."""


register(
    Policy(),
    System,
    User, Group, Permission, ApiToken, LoginFailure,
    AuditEntry, LiveSetting, QueuePause,
    QueueJob, DeadLetter, WorkerHeartbeat, CircuitBreaker, StreamMessage,
)  # fmt: skip
# A token of less than `admin` could make a stronger one.
register(
    Policy(
        Role.VIEWER, Role.VIEWER, Role.VIEWER, Role.VIEWER,
        scopes={"view": "admin", "add": "admin", "change": "admin", "delete": "admin"},
    ),
    Account,
)  # fmt: skip
register(Policy(view=Role.VIEWER, add=Role.OPERATOR, scopes={"add": "ingest"}), Incoming)
register(Policy(view=Role.VIEWER), Common)
