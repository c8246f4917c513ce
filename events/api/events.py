"""The API of events and their reviews."""

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
from events import actions, search
from events.filters import EventFilters
from events.media import snapshot
from events.models import Event
from events.nearby import NearbyData, nearby
from events.serializers import EventData, ReviewSerializer, events_data
from events.tracking.serializers import EventWithTracksData, event_with_tracks
from hsi.api.filters import YES_NO
from hsi.api.inputs import checked
from hsi.api.openapi import Page
from hsi.api.pagination import KeysetPagination, single_page
from hsi.http.url_prefix import link

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
        """Return one page, the best matches first. There is no next page, because a cursor cannot name a rank."""
        query = search.parse(request.query_params.get("q", ""))
        if not query or "cursor" in request.query_params:
            raise ValidationError({"order": ["rank needs words in q and allows no cursor."]})
        limit = min(KeysetPagination().limit(request), search.BEST)
        ids = search.best(self.filter_queryset(self.get_queryset()), query, limit)
        rows = {event["id"]: event for event in events_data(Event.objects.filter(pk__in=ids))}
        return single_page([rows[pk] for pk in ids if pk in rows])


class OneEvent(EventView):
    @extend_schema(summary="Get an event", responses=EventWithTracksData)
    def get(self, request: Request, pk: int) -> Response:
        """Redirect to the event into which this one was merged."""
        event = self.get_queryset().filter(pk=pk).first()
        if event is None:
            merged = only_visible(Event.with_trash.filter(pk=pk, merged_into__isnull=False), request.user)
            into = get_object_or_404(merged).merged_into_id
            return Response(status=301, headers={"Location": link(f"/api/events/{into}")})
        return Response(event_with_tracks(event))

    @extend_schema(summary="Review an event", request=ReviewSerializer, responses=EventData)
    def patch(self, request: Request, pk: int) -> Response:
        values = checked(ReviewSerializer, request)
        with transaction.atomic():
            # The lock keeps an analyser from changing the row between the change and its message.
            event = get_object_or_404(self.get_queryset().select_for_update(), pk=pk)
            return Response(actions.review_event(event, values))

    @extend_schema(summary="Move an event to the trash", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        with transaction.atomic():
            actions.delete_event(get_object_or_404(self.get_queryset(), pk=pk))
        return Response(status=204)


class EventDetections(GenericAPIView[Detection]):
    queryset = Detection.objects.none()  # tells the API description the model
    subject = Detection
    keyset = "captured_at"

    @extend_schema(summary="List the detections of an event", responses=Page[DetectionData])
    def get(self, request: Request, pk: int) -> Response:
        event = get_object_or_404(only_visible(Event.objects.all(), request.user), pk=pk)
        detections = with_event(Detection.objects.filter(batch__event=event))
        page = self.paginate_queryset(self.filter_queryset(detections)) or []
        return self.get_paginated_response([detection_data(detection) for detection in page])


class EventNearby(EventView):
    """A short list with one page."""

    pagination_class = None

    @extend_schema(summary="List detections of other cameras near in time", responses=Page[NearbyData])
    def get(self, request: Request, pk: int) -> Response:
        event = get_object_or_404(self.filter_queryset(self.get_queryset()), pk=pk)
        return Response(single_page(nearby(event, request.user)))


class EventSnapshot(EventView):
    """The best picture of the event. `?boxes=1` draws the boxes of its detections."""

    content_negotiation_class = file_response.AnyAccept

    @extend_schema(summary="Get the best picture of an event", parameters=[BOXES], responses=file_response.JPEG)
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        boxes = YES_NO.get(request.query_params.get("boxes", "0"))
        if boxes is None:
            raise ValidationError({"boxes": ["Must be 1 or 0, true or false."]})
        event = get_object_or_404(self.get_queryset(), pk=pk)
        view = snapshot.best_view(event)
        etag = f"event-{view.key}-{int(boxes)}"
        return file_response.not_modified(request, etag) or file_response.jpeg_response(
            snapshot.draw(view, boxes=boxes), etag
        )
