"""Rows of the machinery itself: queues, processes, the outbox, access, the audit log and figures."""

from hsi.models.ledger import AppendOnlyError, AuditEntry, LiveSetting, ProcessFigure, QueuePause, StageSample, Tally
from hsi.models.machinery import (
    ApiToken,
    CircuitBreaker,
    DeadLetter,
    KeptAnswer,
    KnownNetwork,
    LoginFailure,
    QueueJob,
    StreamHead,
    StreamMessage,
    ToldState,
    WorkerHeartbeat,
    digest,
)

__all__ = [
    "ApiToken", "AppendOnlyError", "AuditEntry", "CircuitBreaker", "DeadLetter", "KeptAnswer", "KnownNetwork",
    "LiveSetting", "LoginFailure", "ProcessFigure", "QueueJob", "QueuePause", "StageSample", "StreamHead",
    "StreamMessage", "Tally", "ToldState", "WorkerHeartbeat", "digest",
]  # fmt: skip
