"""The API of actions on events: trash, reanalysis, clip, and bulk calls."""

from __future__ import annotations

from typing import TypedDict

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cameras.access import only_visible
from cameras.api import file_response
from events import actions
from events.api.events import EventView
from events.media import clip
from events.models import Event
from events.serializers import BulkDeleteSerializer, BulkReviewSerializer, EventData, event_data, events_data
from hsi.api.idempotency import found_again, once
from hsi.api.inputs import checked
from hsi.api.openapi import Page


class BulkData(TypedDict):
    """The results, in the order of the request."""

    items: list[actions.ItemData]


class Trash(EventView):
    keyset = "started_at"
    read_rows = staticmethod(events_data)

    def get_queryset(self) -> QuerySet[Event]:
        return only_visible(Event.with_trash.filter(deleted_at__isnull=False, merged_into=None), self.request.user)

    @extend_schema(summary="List deleted events", responses=Page[EventData])
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response(page)


class RestoreEvent(EventView):
    def get_queryset(self) -> QuerySet[Event]:
        return only_visible(Event.with_trash.all(), self.request.user)

    @extend_schema(summary="Restore an event from the trash", request=None, responses=EventData)
    @once(found_again)
    def post(self, request: Request, pk: int) -> Response:
        with transaction.atomic():
            deleted = self.get_queryset().filter(deleted_at__isnull=False, merged_into=None)
            event = get_object_or_404(deleted.select_for_update(), pk=pk)
            actions.restore_event(event)
        return Response(event_data(event))


class ReanalyseEvent(EventView):
    @extend_schema(summary="Reanalyse an event", request=None, responses={202: EventData})
    @once(found_again)
    def post(self, request: Request, pk: int) -> Response:
        with transaction.atomic():
            event = get_object_or_404(self.get_queryset().select_for_update(), pk=pk)
            actions.request_reanalysis(event)
        return Response(event_data(event), 202)


class EventClip(EventView):
    """The clip of the camera, or one made of its pictures."""

    content_negotiation_class = file_response.AnyAccept

    @extend_schema(
        summary="Get the clip of an event", responses=file_response.FILE, parameters=file_response.RANGE_PARAMETERS
    )
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        source = clip.source(get_object_or_404(self.get_queryset(), pk=pk))
        etag = f"clip-{source.key}"
        if answer := file_response.not_modified(request, etag):
            return answer
        file, name, size = clip.opened(source)
        return file_response.file_response(request, file, name, size, trusted=True, etag=etag)


def _recheck(view: EventView, data: BulkData) -> BulkData:
    """Recheck a stored result: hide events that the user may no longer see."""
    events = only_visible(Event.with_trash.all(), view.request.user)
    return {"items": actions.recheck_items(events, data["items"])}


class BulkReview(EventView):
    @extend_schema(summary="Review several events", request=BulkReviewSerializer, responses={207: BulkData})
    @once(_recheck)
    def post(self, request: Request) -> Response:
        values = checked(BulkReviewSerializer, request)
        ids = values.pop("ids")
        return Response({"items": actions.review_events(self.get_queryset(), ids, values)}, 207)


class BulkDelete(EventView):
    posting = "delete"

    @extend_schema(summary="Move several events to the trash", request=BulkDeleteSerializer, responses={207: BulkData})
    @once(_recheck)
    def post(self, request: Request) -> Response:
        ids = checked(BulkDeleteSerializer, request)["ids"]
        return Response({"items": actions.delete_events(self.get_queryset(), ids)}, 207)
