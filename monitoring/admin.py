"""Job runs, GPU samples and storage samples in the admin: read-only, for administrators."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.template.defaultfilters import filesizeformat
from django.utils.safestring import SafeString

from hsi.admin.base import KnownValuesFilter, MachineAdmin, badge, json_block, shortened
from monitoring import bulk_jobs, habit_fill
from monitoring.models import GpuSample, JobRun, StorageSample


class JobFilter(KnownValuesFilter):
    title, parameter_name = "job", "name"
    values = (
        "prune", "records", "storage", "orphans", "reconcile", habit_fill.NAME,
        *(f"{verb} dead letters" for verb in bulk_jobs.RESOLVE),
    )  # fmt: skip


@admin.register(JobRun)
class JobRunAdmin(MachineAdmin):
    list_display = ("id", "name", "run_outcome", "started_at", "ended_at", "counted", "requested_by", "short_error")
    list_filter = (JobFilter, "outcome", "started_at")
    newest_fields = ("name__icontains", "error__icontains")
    ordering = ("-started_at", "-id")
    sortable_by = ("started_at",)
    fields = ("name", "run_outcome", "started_at", "ended_at", "counted", "requested_by", "error")
    readonly_fields = ("run_outcome", "counted")
    tones = {"running": "wait", "done": "good", "failed": "bad", "stopped": "warn"}

    @admin.display(description="outcome", ordering="outcome")
    def run_outcome(self, run: JobRun) -> SafeString:
        return badge(run.get_outcome_display(), self.tones[run.outcome])

    @admin.display(description="counts")
    def counted(self, run: JobRun) -> str:
        counts = ", ".join(f"{name} {number:,}" for name, number in run.counts.items())
        return counts if run.total is None else f"{counts} of {run.total:,}"

    @admin.display(description="error")
    def short_error(self, run: JobRun) -> str:
        return shortened(run.error)


@admin.register(GpuSample)
class GpuSampleAdmin(MachineAdmin):
    list_display = (
        "recorded_at",
        "host",
        "gpu",
        "name",
        "utilization_percent",
        "memory",
        "temperature_celsius",
        "power_watts",
    )
    list_filter = ("recorded_at",)
    newest_fields = ("host__icontains", "name__icontains")
    ordering = ("-recorded_at", "-id")
    sortable_by = ("recorded_at",)

    @admin.display(description="memory")
    def memory(self, sample: GpuSample) -> str:
        return f"{size(sample.memory_used_bytes)} of {size(sample.memory_total_bytes)}"


@admin.register(StorageSample)
class StorageSampleAdmin(MachineAdmin):
    list_display = ("recorded_at", "free", "originals", "quarantine", "thumbnails", "database")
    number_fields = ("pk",)
    ordering = ("-recorded_at",)
    fields = ("recorded_at", "free", "originals", "quarantine", "thumbnails", "database", "by_camera")
    readonly_fields = ("free", "originals", "quarantine", "thumbnails", "database", "by_camera")

    @admin.display(description="free")
    def free(self, sample: StorageSample) -> str:
        return f"{size(sample.free_bytes)} of {size(sample.total_bytes)}"

    @admin.display(description="originals")
    def originals(self, sample: StorageSample) -> str:
        return size(sample.originals_bytes)

    @admin.display(description="quarantine")
    def quarantine(self, sample: StorageSample) -> str:
        return size(sample.quarantine_bytes)

    @admin.display(description="small pictures")
    def thumbnails(self, sample: StorageSample) -> str:
        return size(sample.thumbnails_bytes)

    @admin.display(description="database")
    def database(self, sample: StorageSample) -> str:
        return size(sample.database_bytes)

    @admin.display(description="originals by camera")
    def by_camera(self, sample: StorageSample) -> SafeString:
        return json_block(sample.cameras)


def size(number: Any) -> str:
    return "unknown" if number is None else filesizeformat(number)
