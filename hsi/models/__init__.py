"""The tables of the infrastructure, by concern."""

from hsi.models.access import ApiToken, KeptAnswer, KnownNetwork, LoginFailure, digest
from hsi.models.audit import AppendOnlyError, AuditEntry
from hsi.models.metrics import ProcessFigure, StageSample, Tally
from hsi.models.outbox import StreamHead, StreamMessage, ToldState
from hsi.models.processes import CircuitBreaker, LiveSetting, WorkerHeartbeat
from hsi.models.queues import DeadLetter, QueueJob, QueuePause

__all__ = [
    "ApiToken",
    "AppendOnlyError",
    "AuditEntry",
    "CircuitBreaker",
    "DeadLetter",
    "KeptAnswer",
    "KnownNetwork",
    "LiveSetting",
    "LoginFailure",
    "ProcessFigure",
    "QueueJob",
    "QueuePause",
    "StageSample",
    "StreamHead",
    "StreamMessage",
    "Tally",
    "ToldState",
    "WorkerHeartbeat",
    "digest",
]
