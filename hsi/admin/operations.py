"""The admin of queues, dead letters, workers, breakers, the stream and live settings: read-only, with actions."""

from __future__ import annotations

from datetime import UTC, datetime

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from hsi.admin.base import (
    KnownValuesFilter,
    MachineAdmin,
    QueueFilter,
    badge,
    block,
    json_block,
    local_time,
    shortened,
)
from hsi.db import clock
from hsi.models import CircuitBreaker, DeadLetter, LiveSetting, QueueJob, QueuePause, StreamMessage, WorkerHeartbeat
from hsi.outbound.shared_breaker import get_breaker
from hsi.workers import heartbeat


@admin.register(QueueJob)
class QueueJobAdmin(MachineAdmin):
    list_display = ("id", "queue", "row_id", "job_state", "attempts", "put", "due")
    list_filter = (QueueFilter,)
    number_fields = ("row_id",)
    ordering = ("queue", "due_at", "id")
    fields = ("queue", "row_id", "job_state", "attempts", "put", "due", "lease", "trace", "failed")
    readonly_fields = ("job_state", "put", "due", "failed")

    @admin.display(description="state")
    def job_state(self, job: QueueJob) -> SafeString:
        if job.lease:
            return badge("in work", "wait")
        late = job.due_at > timezone.now().timestamp()
        return badge("delayed", "warn") if late else badge("waiting", "calm")

    @admin.display(description="put at", ordering="put_at")
    def put(self, job: QueueJob) -> str:
        return local_time(datetime.fromtimestamp(job.put_at, UTC))

    @admin.display(description="due, or lease ends", ordering="due_at")
    def due(self, job: QueueJob) -> str:
        return local_time(datetime.fromtimestamp(job.due_at, UTC))

    @admin.display(description="failures")
    def failed(self, job: QueueJob) -> SafeString:
        return json_block(job.failures)


class ReasonFilter(KnownValuesFilter):
    title = parameter_name = "reason"
    values = ("refused", "attempts", "overflow")


@admin.register(DeadLetter)
class DeadLetterAdmin(MachineAdmin):
    list_display = (
        "id",
        "queue",
        "row_id",
        "letter_state",
        "reason",
        "error_type",
        "error",
        "attempts",
        "last_failed_at",
    )
    list_filter = ("state", ReasonFilter, QueueFilter, "last_failed_at")
    number_fields = ("row_id",)
    newest_fields = ("error_type__icontains", "error_text__icontains")
    ordering = ("-id",)
    fields = (
        "queue", "row_id", "letter_state", "reason", "error_type", "error_text", "http_status", "response", "attempts",
        "failed", "trace", "first_failed_at", "last_failed_at", "created_at", "resolved_at",
        "resolved_by", "sent",
    )  # fmt: skip
    readonly_fields = ("letter_state", "response", "failed", "trace", "sent")
    tones = {"open": "bad", "requeued": "wait", "discarded": "calm"}

    @admin.display(description="state", ordering="state")
    def letter_state(self, letter: DeadLetter) -> SafeString:
        return badge(letter.get_state_display(), self.tones[letter.state])

    @admin.display(description="error")
    def error(self, letter: DeadLetter) -> str:
        return shortened(letter.error_text)

    @admin.display(description="stack")
    def trace(self, letter: DeadLetter) -> SafeString:
        return block(letter.stack)

    @admin.display(description="response body")
    def response(self, letter: DeadLetter) -> SafeString:
        return block(letter.response_body)

    @admin.display(description="failures")
    def failed(self, letter: DeadLetter) -> SafeString:
        return json_block(letter.failures)

    @admin.display(description="payload")
    def sent(self, letter: DeadLetter) -> SafeString:
        return json_block(letter.payload)


@admin.register(WorkerHeartbeat)
class WorkerHeartbeatAdmin(MachineAdmin):
    list_display = (
        "name",
        "kind",
        "host",
        "pid",
        "worker_state",
        "short_detail",
        "jobs_done",
        "beat_at",
        "progressed_at",
    )
    list_filter = ("state", "kind")
    search_fields = ("name", "detail")
    ordering = ("-beat_at",)
    fields = (
        "name",
        "kind",
        "host",
        "pid",
        "worker_state",
        "detail",
        "jobs_done",
        "started_at",
        "beat_at",
        "progressed_at",
    )
    readonly_fields = ("worker_state",)
    tones = {"running": "good", "failing": "bad", "stopped": "calm"}

    @admin.display(description="state", ordering="state")
    def worker_state(self, worker: WorkerHeartbeat) -> SafeString:
        if heartbeat.is_silent(worker, clock.now()):
            return badge("silent", "bad")
        return badge(worker.get_state_display(), self.tones[worker.state])

    @admin.display(description="detail")
    def short_detail(self, worker: WorkerHeartbeat) -> str:
        return shortened(worker.detail)


@admin.register(CircuitBreaker)
class CircuitBreakerAdmin(MachineAdmin):
    list_display = ("name", "breaker_state", "failures", "error", "last_failed_at", "retry_at", "changed_at")
    ordering = ("name",)
    fields = (
        "name", "breaker_state", "failures", "successes", "last_error", "last_failed_at", "retry_at", "changed_at",
    )  # fmt: skip
    readonly_fields = ("breaker_state",)
    search_fields = ("name",)
    tones = {"closed": "good", "half_open": "warn", "open": "bad"}
    actions = ("reset",)

    @admin.action(description="Reset the selected breakers", permissions=["act"])
    def reset(self, request: HttpRequest, queryset: QuerySet[CircuitBreaker]) -> None:
        names = [row.name for row in queryset if get_breaker(row.name).reset()]
        self.message_user(
            request, f"Reset: {', '.join(names)}." if names else "All selected breakers were already closed."
        )

    @admin.display(description="state", ordering="state")
    def breaker_state(self, breaker: CircuitBreaker) -> SafeString:
        return badge(breaker.get_state_display(), self.tones[breaker.state])

    @admin.display(description="last error")
    def error(self, breaker: CircuitBreaker) -> str:
        return shortened(breaker.last_error)


@admin.register(StreamMessage)
class StreamMessageAdmin(MachineAdmin):
    list_display = ("seq", "type", "camera", "time")
    number_fields = ("pk",)
    newest_fields = ("type__startswith", "camera")
    ordering = ("-seq",)
    sortable_by = ("seq",)
    fields = ("seq", "type", "camera", "time", "content")
    readonly_fields = ("content",)

    @admin.display(description="data")
    def content(self, message: StreamMessage) -> SafeString:
        return json_block(message.data)


@admin.register(QueuePause)
class QueuePauseAdmin(MachineAdmin):
    list_display = ("queue", "paused_at", "paused_by")
    search_fields = ("queue",)
    ordering = ("queue",)


@admin.register(LiveSetting)
class LiveSettingAdmin(MachineAdmin):
    list_display = ("name", "value", "changed_at", "changed_by")
    search_fields = ("name",)
    ordering = ("name",)
