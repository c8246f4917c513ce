"""Queue jobs, workers and the stream in the admin: read-only.

Dead letters, queues, breakers and settings are operations pages.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.contrib import admin
from django.utils import timezone
from django.utils.safestring import SafeString

from hsi.admin.base import (
    MachineAdmin,
    QueueFilter,
    badge,
    json_block,
    local_time,
    shortened,
)
from hsi.db import clock
from hsi.models import QueueJob, StreamMessage, WorkerHeartbeat
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

    @admin.display(description="put at", ordering="enqueued_at")
    def put(self, job: QueueJob) -> str:
        return local_time(datetime.fromtimestamp(job.enqueued_at, UTC))

    @admin.display(description="due, or lease ends", ordering="due_at")
    def due(self, job: QueueJob) -> str:
        return local_time(datetime.fromtimestamp(job.due_at, UTC))

    @admin.display(description="failures")
    def failed(self, job: QueueJob) -> SafeString:
        return json_block(job.failures)


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


@admin.register(StreamMessage)
class StreamMessageAdmin(MachineAdmin):
    list_display = ("seq", "type", "camera", "created_at")
    number_fields = ("pk",)
    newest_fields = ("type__startswith", "camera")
    ordering = ("-seq",)
    sortable_by = ("seq",)
    fields = ("seq", "type", "camera", "created_at", "content")
    readonly_fields = ("content",)

    @admin.display(description="data")
    def content(self, message: StreamMessage) -> SafeString:
        return json_block(message.data)
