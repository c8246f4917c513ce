"""The tables of the infrastructure, by concern."""

from hsi.models.access import ApiToken, IdempotencyRecord, KnownNetwork, LoginFailure, digest
from hsi.models.audit import AppendOnlyError, AuditEntry
from hsi.models.metrics import CounterValue, GaugeValue, LatencyBucket
from hsi.models.outbox import LastPublishedState, StreamHead, StreamMessage
from hsi.models.processes import CircuitBreaker, LiveSetting, WorkerHeartbeat
from hsi.models.queues import DeadLetter, QueueJob, QueuePause

__all__ = [
    "ApiToken",
    "AppendOnlyError",
    "AuditEntry",
    "CircuitBreaker",
    "CounterValue",
    "DeadLetter",
    "GaugeValue",
    "IdempotencyRecord",
    "KnownNetwork",
    "LastPublishedState",
    "LatencyBucket",
    "LiveSetting",
    "LoginFailure",
    "QueueJob",
    "QueuePause",
    "StreamHead",
    "StreamMessage",
    "WorkerHeartbeat",
    "digest",
]
