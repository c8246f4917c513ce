"""The audit log as a file. That somebody took it is an entry of its own."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request

from cameras.api.file_response import AnyAccept
from hsi import audit
from hsi.api.export import CHUNK, FileFilters, response
from hsi.api.filters import filter_values
from hsi.api.pagination import beyond, order
from hsi.models import AuditEntry
from monitoring.api.records import AuditData, AuditFilters, audit_data

KEYSET = "time"
COLUMNS = tuple(AuditData.__annotations__)
FILES = {(200, "text/csv"): OpenApiTypes.BINARY, (200, "application/json"): list[AuditData]}


class AuditExportFilters(FileFilters, AuditFilters):
    pass


class AuditExport(GenericAPIView[AuditEntry]):
    subject = AuditEntry
    queryset = AuditEntry.objects.all()
    pagination_class = None
    filterset_class = AuditExportFilters
    content_negotiation_class = AnyAccept

    @extend_schema(summary="Export the audit log as a file", responses=FILES, filters=True)
    def get(self, request: Request) -> HttpResponseBase:
        values = filter_values(request.query_params, self.filterset_class, AuditEntry)
        entries = self.filter_queryset(self.get_queryset())
        audit.record("audit_exported", "audit log", after=request.query_params.dict())
        return response("audit", COLUMNS, chunks(entries), values.get("format") or "csv", bom=bool(values.get("bom")))


def chunks(entries: QuerySet[AuditEntry]) -> Iterator[list[AuditData]]:
    """All of `entries`, newest first. What is noted meanwhile shifts nothing."""
    entries = entries.order_by(*order(KEYSET))
    rows = [audit_data(entry) for entry in entries[:CHUNK]]
    while rows:
        yield rows
        last = rows[-1]
        rows = [audit_data(entry) for entry in entries.filter(beyond(KEYSET, last["time"], last["id"]))[:CHUNK]]
