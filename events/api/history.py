"""The API of what events say together: counts, a timeline, and files of them."""

from __future__ import annotations

from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.conf import settings
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
from events.api.export import COLUMNS, chunks
from events.filters import Conditions, ExportFilters, TimelineFilters
from events.models import Event
from events.serializers import EventData
from events.stats import EventStatsData, stats
from events.timeline import LOOKS_BACK, MOST_BUCKETS, TimelineData, TooManyBucketsError, timeline
from hsi import audit
from hsi.api.export import response
from hsi.api.filters import filter_values
from hsi.api.inputs import Nothing, checked

FILES = {(200, "text/csv"): OpenApiTypes.BINARY, (200, "application/json"): list[EventData]}


class HistoryView(EventView):
    pagination_class = None
    filterset_class: ClassVar[type[Conditions]] = Conditions

    def values(self) -> dict[str, Any]:
        """The filters of the request that say something."""
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
            words = f"More than {MOST_BUCKETS} buckets. Ask for larger ones, or for less time."
            raise ValidationError({"bucket": [words]}) from error
        except OverflowError as error:
            raise ValidationError({"after": ["Out of range."]}) from error

    def _zone(self, values: dict[str, Any]) -> ZoneInfo:
        """Of what was asked for, else of the one camera, else of the site."""
        if name := values.get("timezone"):
            return ZoneInfo(name)
        camera = visible_cameras(self.request.user).filter(pk=values.get("camera", "")).first()
        return camera.zone if camera else ZoneInfo(settings.TIME_ZONE)


class Export(HistoryView):
    """A GET changes nothing. A POST, by who may change events, has retention spare what is in the file."""

    filterset_class = ExportFilters
    content_negotiation_class = file_response.AnyAccept

    @extend_schema(summary="Export events as a file", responses=FILES, filters=True)
    def get(self, request: Request) -> HttpResponseBase:
        return self._file(spare=False)

    @extend_schema(summary="Export events and keep them from retention", request=None, responses=FILES, filters=True)
    def post(self, request: Request) -> HttpResponseBase:
        """The filters are those of the GET, in the address. What has left is marked as exported."""
        checked(Nothing, request)
        file = self._file(spare=True)
        audit.record("events_exported", "events", after=request.query_params.dict())
        return file

    def _file(self, *, spare: bool) -> HttpResponseBase:
        values = self.values()
        events = self.filter_queryset(self.get_queryset())
        kind, bom = values.get("format", "csv"), values.get("bom", False)
        return response("events", COLUMNS, chunks(events, spare=spare), kind, bom=bom)
