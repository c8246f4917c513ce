"""The API of event statistics, the timeline, and the export."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from cameras.access import visible_cameras
from cameras.api import file_response
from events.api.events import EventView
from events.filters import Conditions, ExportFilters, TimelineFilters
from events.models import Event
from events.serializers import EventData, events_data
from events.stats import EventStatsData, stats
from events.timeline import LOOKS_BACK, MOST_BUCKETS, TimelineData, TooManyBucketsError, timeline
from hsi import audit
from hsi.api.export import CHUNK, response
from hsi.api.filters import filter_values
from hsi.api.inputs import Nothing, checked
from hsi.api.pagination import beyond, order

KEYSET = "started_at"
COLUMNS = tuple(EventData.__annotations__)
FILES = {(200, "text/csv"): OpenApiTypes.BINARY, (200, "application/json"): list[EventData]}


class HistoryView(EventView):
    pagination_class = None
    filterset_class: ClassVar[type[Conditions]] = Conditions

    def values(self) -> dict[str, Any]:
        """Return the filters of the request that have a value."""
        given = filter_values(self.request.query_params, self.filterset_class, Event)
        return {name: value for name, value in given.items() if value not in ("", None)}


class Stats(HistoryView):
    @extend_schema(summary="Count events", responses=EventStatsData, filters=True)
    def get(self, request: Request) -> Response:
        return Response(stats(self.filter_queryset(self.get_queryset())))


class Timeline(HistoryView):
    filterset_class = TimelineFilters

    @extend_schema(summary="Count events over time", responses=TimelineData, filters=True)
    def get(self, request: Request) -> Response:
        values = self.values()
        bucket = values.get("bucket", "day")
        before = values.get("before") or timezone.now()
        try:
            after = values.get("after") or before - LOOKS_BACK[bucket]
            events = self.filter_queryset(self.get_queryset())
            return Response(timeline(events, bucket, self._zone(values), after, before))
        except TooManyBucketsError as error:
            detail = f"More than {MOST_BUCKETS} buckets. Choose larger buckets or less time."
            raise ValidationError({"bucket": [detail]}) from error
        except OverflowError as error:
            raise ValidationError({"after": ["Out of range."]}) from error

    def _zone(self, values: dict[str, Any]) -> ZoneInfo:
        """Return the requested time zone, else that of the one camera, else that of the site."""
        if name := values.get("timezone"):
            return ZoneInfo(name)
        camera = visible_cameras(self.request.user).filter(pk=values.get("camera", "")).first()
        return camera.zone if camera else ZoneInfo(settings.TIME_ZONE)


class Export(HistoryView):
    """A GET changes nothing. A POST, by a user who may change events, also exempts the events from retention."""

    filterset_class = ExportFilters
    content_negotiation_class = file_response.AnyAccept

    @extend_schema(summary="Export events as a file", responses=FILES, filters=True)
    def get(self, request: Request) -> HttpResponseBase:
        return self._file(spare=False)

    @extend_schema(summary="Export events and keep them from retention", request=None, responses=FILES, filters=True)
    def post(self, request: Request) -> HttpResponseBase:
        """The filters stand in the address, as for the GET. Events in the file are marked as exported."""
        checked(Nothing, request)
        file = self._file(spare=True)
        audit.record("events_exported", "events", after=request.query_params.dict())
        return file

    def _file(self, *, spare: bool) -> HttpResponseBase:
        values = self.values()
        events = self.filter_queryset(self.get_queryset())
        kind, bom = values.get("format", "csv"), values.get("bom", False)
        return response("events", COLUMNS, chunks(events, spare=spare), kind, bom=bom)


def chunks(events: QuerySet[Event], *, spare: bool) -> Iterator[list[EventData]]:
    """Yield all of `events`, newest first. With `spare`, each chunk is marked as exported before it is sent.

    No transaction or cursor stays open between chunks, and events that arrive meanwhile shift nothing.
    """
    events = events.order_by(*order(KEYSET))
    rows = events_data(events[:CHUNK])
    while rows:
        if spare:
            ids = [row["id"] for row in rows]
            Event.objects.filter(pk__in=ids, exported_at=None).update(exported_at=timezone.now())
        yield rows
        last = rows[-1]
        rows = events_data(events.filter(beyond(KEYSET, last["started_at"], last["id"]))[:CHUNK])
