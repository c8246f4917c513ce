"""The policies of the models of `hsi`, and of subjects that are not rows."""

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
    """The state and operation of the whole system, over all cameras."""


class Account:
    """The signed-in user's own password and tokens."""


class Incoming:
    """Uploads of files. The server checks this policy before any view, to decide whether to accept a body."""


class Common:
    """Information for every signed-in user, such as the API description."""


register(
    Policy(),
    System,
    User, Group, Permission, ApiToken, LoginFailure,
    AuditEntry, LiveSetting, QueuePause,
    QueueJob, DeadLetter, WorkerHeartbeat, CircuitBreaker, StreamMessage,
)  # fmt: skip
# A token with a smaller scope could otherwise create a stronger one.
register(
    Policy(
        Role.VIEWER, Role.VIEWER, Role.VIEWER, Role.VIEWER,
        scopes={"view": "admin", "add": "admin", "change": "admin", "delete": "admin"},
    ),
    Account,
)  # fmt: skip
register(Policy(view=Role.VIEWER, add=Role.OPERATOR, scopes={"add": "ingest"}), Incoming)
register(Policy(view=Role.VIEWER), Common)
