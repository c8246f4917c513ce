"""The API of records: log lines, the audit log (also as a file), runs of housekeeping."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, TypedDict, TypeVar

import django_filters
from django.db.models import Model, QuerySet
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from cameras.api.file_response import AnyAccept
from hsi import audit
from hsi.api.export import CHUNK, FileFilters, response
from hsi.api.filters import BIGGEST_ID, TimeFilter, WholeNumberFilter, filter_values
from hsi.api.openapi import Page
from hsi.api.pagination import beyond, order
from hsi.models import AuditEntry
from hsi.times import iso
from monitoring.models import JobRun, LogEntry

Record = TypeVar("Record", bound=Model)


class LogData(TypedDict):
    """A log line, with secrets masked. Texts in it may come from outside: treat them as untrusted."""

    id: int
    created_at: str
    level: str
    component: str
    message: str
    stack: str
    request_id: str
    camera: str
    upload: int | None
    batch: int | None
    event: int | None
    queue: str
    duration_seconds: float | None


class AuditData(TypedDict):
    """Who changed what. `before` and `after` hold what changed, with secrets masked."""

    id: int
    created_at: str
    user: str
    token: str
    address: str
    action: str
    object: str
    before: Any
    after: Any
    request_id: str


class JobData(TypedDict):
    """A run of housekeeping, or of what a person asked for, which has `requested_by` and `total`."""

    id: int
    name: str
    outcome: str
    started_at: str
    ended_at: str | None
    counts: dict[str, Any]
    error: str
    requested_by: str
    total: int | None


def log_data(entry: LogEntry) -> LogData:
    return {
        "id": entry.pk,
        "created_at": iso(entry.created_at),
        "level": entry.get_level_display(),
        "component": entry.component,
        "message": entry.message,
        "stack": entry.stack,
        "request_id": entry.request_id,
        "camera": entry.camera,
        "upload": entry.upload,
        "batch": entry.batch,
        "event": entry.event,
        "queue": entry.queue,
        "duration_seconds": entry.duration_seconds,
    }


def audit_data(entry: AuditEntry) -> AuditData:
    return {
        "id": entry.pk,
        "created_at": iso(entry.created_at),
        "user": entry.user,
        "token": entry.token,
        "address": entry.address,
        "action": entry.action,
        "object": entry.object,
        "before": entry.before,
        "after": entry.after,
        "request_id": entry.request_id,
    }


def job_data(run: JobRun) -> JobData:
    return {
        "id": run.pk,
        "name": run.name,
        "outcome": run.outcome,
        "started_at": iso(run.started_at),
        "ended_at": iso(run.ended_at),
        "counts": run.counts,
        "error": run.error,
        "requested_by": run.requested_by,
        "total": run.total,
    }


class LogFilters(django_filters.FilterSet):  # type: ignore[misc]
    """`level` is the least severe one, `component` how the logger's name begins."""

    level = django_filters.TypedChoiceFilter(
        choices=[(name, name) for name in LogEntry.Level.names],
        coerce=lambda name: LogEntry.Level[name].value,
        field_name="level",
        lookup_expr="gte",
    )
    component = django_filters.CharFilter(lookup_expr="startswith", max_length=120)
    request_id = django_filters.CharFilter(max_length=64)
    camera = django_filters.CharFilter(max_length=64)
    upload = WholeNumberFilter(min_value=0, max_value=BIGGEST_ID)
    batch = WholeNumberFilter(min_value=0, max_value=BIGGEST_ID)
    event = WholeNumberFilter(min_value=0, max_value=BIGGEST_ID)
    after = TimeFilter(field_name="created_at", lookup_expr="gte")
    before = TimeFilter(field_name="created_at", lookup_expr="lt")
    q = django_filters.CharFilter(field_name="message", lookup_expr="icontains", max_length=200)


class AuditFilters(django_filters.FilterSet):  # type: ignore[misc]
    user = django_filters.CharFilter(max_length=150)
    action = django_filters.CharFilter(max_length=60)
    object = django_filters.CharFilter(max_length=200)
    after = TimeFilter(field_name="created_at", lookup_expr="gte")
    before = TimeFilter(field_name="created_at", lookup_expr="lt")


class JobFilters(django_filters.FilterSet):  # type: ignore[misc]
    name = django_filters.CharFilter(max_length=40)
    outcome = django_filters.ChoiceFilter(choices=JobRun.Outcome.choices)
    after = TimeFilter(field_name="started_at", lookup_expr="gte")
    before = TimeFilter(field_name="started_at", lookup_expr="lt")


class RecordList(GenericAPIView[Record]):
    """A list of records, newest first."""

    keyset = "created_at"
    record_data: ClassVar[Callable[[Any], Mapping[str, Any]]]

    def records(self) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response([type(self).record_data(record) for record in page])


class Logs(RecordList[LogEntry]):
    subject = LogEntry
    queryset = LogEntry.objects.all()
    filterset_class = LogFilters
    record_data = log_data

    @extend_schema(summary="List log lines", responses=Page[LogData])
    def get(self, request: Request) -> Response:
        if request.query_params.get("q") and not request.query_params.get("after"):
            raise ValidationError({"q": ["A text search needs `after`."]})
        return self.records()


class Audit(RecordList[AuditEntry]):
    subject = AuditEntry
    queryset = AuditEntry.objects.all()
    filterset_class = AuditFilters
    record_data = audit_data

    @extend_schema(summary="List the audit log", responses=Page[AuditData])
    def get(self, request: Request) -> Response:
        return self.records()


class Jobs(RecordList[JobRun]):
    subject = JobRun
    queryset = JobRun.objects.all()
    keyset = "started_at"
    filterset_class = JobFilters
    record_data = job_data

    @extend_schema(summary="List runs of housekeeping", responses=Page[JobData])
    def get(self, request: Request) -> Response:
        return self.records()


AUDIT_FILES = {(200, "text/csv"): OpenApiTypes.BINARY, (200, "application/json"): list[AuditData]}


class AuditExportFilters(FileFilters, AuditFilters):
    pass


class AuditExport(GenericAPIView[AuditEntry]):
    subject = AuditEntry
    queryset = AuditEntry.objects.all()
    pagination_class = None
    filterset_class = AuditExportFilters
    content_negotiation_class = AnyAccept

    @extend_schema(summary="Export the audit log as a file", responses=AUDIT_FILES, filters=True)
    def get(self, request: Request) -> HttpResponseBase:
        values = filter_values(request.query_params, self.filterset_class, AuditEntry)
        entries = self.filter_queryset(self.get_queryset())
        audit.record("audit_exported", "audit log", after=request.query_params.dict())
        return response(
            "audit",
            tuple(AuditData.__annotations__),
            audit_chunks(entries),
            values.get("format") or "csv",
            bom=bool(values.get("bom")),
        )


def audit_chunks(entries: QuerySet[AuditEntry]) -> Iterator[list[AuditData]]:
    """Read all entries, newest first, by position: entries that are added meanwhile shift nothing."""
    entries = entries.order_by(*order("created_at"))
    rows = [audit_data(entry) for entry in entries[:CHUNK]]
    while rows:
        yield rows
        last = rows[-1]
        rows = [
            audit_data(entry) for entry in entries.filter(beyond("created_at", last["created_at"], last["id"]))[:CHUNK]
        ]
