"""The API of events: what happened, and what people say about it."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from cameras.access import only_visible
from cameras.api import file_response
from detection.api import with_event
from detection.models import Detection
from detection.serializers import DetectionData, detection_data
from events import search
from events.actions import trash
from events.actions.review import change
from events.filters import EventFilters
from events.media import snapshot
from events.models import Event
from events.nearby import NearbyData, nearby
from events.serializers import EventData, ReviewSerializer, event_data, events_data
from hsi.api.filters import YES_NO
from hsi.api.inputs import checked
from hsi.api.openapi import Page
from hsi.api.pagination import KeysetPagination, whole

BOXES = OpenApiParameter("boxes", str, enum=list(YES_NO), description="1 draws the boxes of the detections.")


class EventView(GenericAPIView[Event]):
    subject = Event

    def get_queryset(self) -> QuerySet[Event]:
        return only_visible(Event.objects.all(), self.request.user)


class Events(EventView):
    keyset = "started_at"
    filterset_class = EventFilters
    read_rows = staticmethod(events_data)

    @extend_schema(summary="List events", responses=Page[EventData])
    def get(self, request: Request) -> Response:
        if request.query_params.get("order") == "rank":
            return Response(self._best(request))
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response(page)

    def _best(self, request: Request) -> dict[str, Any]:
        """One page, the best first. There is no next one: a rank is no place that a cursor could name."""
        query = search.parse(request.query_params.get("q", ""))
        if not query or "cursor" in request.query_params:
            raise ValidationError({"order": ["rank needs words in q, and has no cursor."]})
        limit = min(KeysetPagination().limit(request), search.BEST)
        ids = search.best(self.filter_queryset(self.get_queryset()), query, limit)
        found = {event["id"]: event for event in events_data(Event.objects.filter(pk__in=ids))}
        return whole([found[pk] for pk in ids if pk in found])


class OneEvent(EventView):
    @extend_schema(summary="Get an event", responses=EventData)
    def get(self, request: Request, pk: int) -> Response:
        return Response(event_data(get_object_or_404(self.get_queryset(), pk=pk)))

    @extend_schema(summary="Review an event", request=ReviewSerializer, responses=EventData)
    def patch(self, request: Request, pk: int) -> Response:
        values = checked(ReviewSerializer, request)
        with transaction.atomic():
            # Locked: what is published is the row as it is, also where an analyser judges it meanwhile.
            event = get_object_or_404(self.get_queryset().select_for_update(), pk=pk)
            return Response(change(event, values))

    @extend_schema(summary="Move an event to the trash", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        with transaction.atomic():
            trash.delete(get_object_or_404(self.get_queryset(), pk=pk))
        return Response(status=204)


class EventDetections(GenericAPIView[Detection]):
    queryset = Detection.objects.none()  # what the API's description learns the model from
    subject = Detection
    keyset = "captured_at"

    @extend_schema(summary="List the detections of an event", responses=Page[DetectionData])
    def get(self, request: Request, pk: int) -> Response:
        event = get_object_or_404(only_visible(Event.objects.all(), request.user), pk=pk)
        found = with_event(Detection.objects.filter(batch=event.batch_id))
        page = self.paginate_queryset(self.filter_queryset(found)) or []
        return self.get_paginated_response([detection_data(detection) for detection in page])


class EventNearby(EventView):
    """A short list: there is one page of it."""

    pagination_class = None

    @extend_schema(summary="List detections of other cameras near in time", responses=Page[NearbyData])
    def get(self, request: Request, pk: int) -> Response:
        event = get_object_or_404(self.filter_queryset(self.get_queryset()), pk=pk)
        return Response(whole(nearby(event, request.user)))


class EventSnapshot(EventView):
    """The event's best picture, with `?boxes=1` with what was found in it drawn in."""

    content_negotiation_class = file_response.AnyAccept

    @extend_schema(summary="Get the best picture of an event", parameters=[BOXES], responses=file_response.JPEG)
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        boxes = YES_NO.get(request.query_params.get("boxes", "0"))
        if boxes is None:
            raise ValidationError({"boxes": ["Must be 1 or 0, true or false."]})
        event = get_object_or_404(self.get_queryset(), pk=pk)
        view = snapshot.best_view(event)
        etag = f"event-{view.key}-{int(boxes)}"
        return file_response.unchanged(request, etag) or file_response.jpeg_response(
            snapshot.draw(view, boxes=boxes), etag
        )
