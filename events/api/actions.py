"""The API of what people do with events beyond a word about them: the trash, another judgement, many at once."""

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
from events.actions import bulk, reanalysis, trash
from events.api.events import EventView
from events.media import clip
from events.models import Event
from events.serializers import BulkDeleteSerializer, BulkReviewSerializer, EventData, event_data, events_data
from hsi.api.idempotency import found_again, once
from hsi.api.inputs import checked
from hsi.api.openapi import Page


class BulkData(TypedDict):
    """What became of each, in the order in which they were named."""

    items: list[bulk.ItemData]


class Trash(EventView):
    keyset = "started_at"
    read_rows = staticmethod(events_data)

    def get_queryset(self) -> QuerySet[Event]:
        return only_visible(Event.with_trash.filter(deleted_at__isnull=False), self.request.user)

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
            deleted = self.get_queryset().filter(deleted_at__isnull=False)
            event = get_object_or_404(deleted.select_for_update(), pk=pk)
            trash.restore(event)
        return Response(event_data(event))


class ReanalyseEvent(EventView):
    @extend_schema(summary="Reanalyse an event", request=None, responses={202: EventData})
    @once(found_again)
    def post(self, request: Request, pk: int) -> Response:
        with transaction.atomic():
            event = get_object_or_404(self.get_queryset().select_for_update(), pk=pk)
            reanalysis.ask(event)
        return Response(event_data(event), 202)


class EventClip(EventView):
    """The camera's own clip, or one made of its pictures."""

    content_negotiation_class = file_response.AnyAccept

    @extend_schema(
        summary="Get the clip of an event", responses=file_response.FILE, parameters=file_response.RANGE_PARAMETERS
    )
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        found = clip.source(get_object_or_404(self.get_queryset(), pk=pk))
        etag = f"clip-{found.key}"
        if answer := file_response.unchanged(request, etag):
            return answer
        file, name, size = clip.opened(found)
        return file_response.file_response(request, file, name, size, trusted=True, etag=etag)


def _each_found_again(view: EventView, data: BulkData) -> BulkData:
    """The recheck of a bulk call: of an event that its user may not see any more nothing is said."""
    events = only_visible(Event.with_trash.all(), view.request.user)
    return {"items": bulk.as_seen_now(events, data["items"])}


class BulkReview(EventView):
    @extend_schema(summary="Review several events", request=BulkReviewSerializer, responses={207: BulkData})
    @once(_each_found_again)
    def post(self, request: Request) -> Response:
        values = checked(BulkReviewSerializer, request)
        ids = values.pop("ids")
        return Response({"items": bulk.review(self.get_queryset(), ids, values)}, 207)


class BulkDelete(EventView):
    posting = "delete"

    @extend_schema(summary="Move several events to the trash", request=BulkDeleteSerializer, responses={207: BulkData})
    @once(_each_found_again)
    def post(self, request: Request) -> Response:
        ids = checked(BulkDeleteSerializer, request)["ids"]
        return Response({"items": bulk.delete(self.get_queryset(), ids)}, 207)
