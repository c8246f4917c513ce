"""The API of notification channels and deliveries."""

from __future__ import annotations

from typing import TypedDict

import django_filters
from django.db import transaction
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from events.models import Delivery, NotificationChannel
from events.notifications import channels, content
from events.notifications.serializers import (
    ChannelData,
    ChannelRequestSerializer,
    DeliveryData,
    channel_data,
    delivery_data,
    store,
)
from hsi import audit
from hsi.api.filters import BIGGEST_ID, WholeNumberFilter
from hsi.api.idempotency import by_role, once
from hsi.api.inputs import checked
from hsi.api.openapi import Page
from hsi.errors import HSIError
from hsi.http.url_prefix import link


class DeliveryFilters(django_filters.FilterSet):  # type: ignore[misc]
    channel = WholeNumberFilter(field_name="channel_id", min_value=0, max_value=BIGGEST_ID)
    alert = WholeNumberFilter(field_name="alert_id", min_value=0, max_value=BIGGEST_ID)
    state = django_filters.ChoiceFilter(choices=Delivery.State.choices)
    stage = django_filters.ChoiceFilter(choices=Delivery.Stage.choices)


class SentData(TypedDict):
    """The receiver accepted the test."""

    sent: bool


class ChannelView(GenericAPIView[NotificationChannel]):
    subject = NotificationChannel
    queryset = NotificationChannel.objects.all()

    def stored(self, channel: NotificationChannel, request: Request, *, partial: bool) -> ChannelData:
        """Raises `ValidationError`."""
        store(channel, checked(ChannelRequestSerializer, request, partial=partial))
        return channel_data(channel)


class NotificationChannels(ChannelView):
    posting = "add"

    @extend_schema(summary="List notification channels", responses=Page[ChannelData])
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response([channel_data(channel) for channel in page])

    @extend_schema(
        summary="Create a notification channel", request=ChannelRequestSerializer, responses={201: ChannelData}
    )
    @once(by_role)
    def post(self, request: Request) -> Response:
        with transaction.atomic():
            created = self.stored(NotificationChannel(), request, partial=False)
            audit.record("channel_created", f"notification channel {created['id']}", after=created)
        return Response(created, status=201, headers={"Location": link(f"/api/notification-channels/{created['id']}")})


class OneChannel(ChannelView):
    @extend_schema(summary="Get a notification channel", responses=ChannelData)
    def get(self, request: Request, pk: int) -> Response:
        return Response(channel_data(get_object_or_404(self.get_queryset(), pk=pk)))

    @extend_schema(summary="Change a notification channel", request=ChannelRequestSerializer, responses=ChannelData)
    def patch(self, request: Request, pk: int) -> Response:
        """Secrets that are not sent are kept, unless host, port or TLS change."""
        with transaction.atomic():
            channel = get_object_or_404(self.get_queryset().select_for_update(), pk=pk)
            before = channel_data(channel)
            after = self.stored(channel, request, partial=True)
            audit.record("channel_changed", f"notification channel {pk}", before=before, after=after)
        return Response(after)

    @extend_schema(summary="Delete a notification channel", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Its deliveries are deleted with it, sent or not."""
        with transaction.atomic():
            channel = get_object_or_404(self.get_queryset().select_for_update(), pk=pk)
            audit.record("channel_deleted", f"notification channel {pk}", before=channel_data(channel))
            channel.delete()
        return Response(status=204)


class TestChannel(ChannelView):
    @extend_schema(summary="Send a test notification", request=None, responses={200: SentData})
    def post(self, request: Request, pk: int) -> Response:
        """Answer when the receiver has accepted the test. An error has the answer of the receiver in its detail."""
        channel = get_object_or_404(self.get_queryset(), pk=pk)
        try:
            channels.send(channel, content.test_notification(channel.name))
        except HSIError as error:
            channels.record_failure(channel.pk, error)
            raise
        channels.record_success(channel.pk)
        answer: SentData = {"sent": True}
        return Response(answer)


class Deliveries(GenericAPIView[Delivery]):
    subject = Delivery
    queryset = Delivery.objects.all()
    filterset_class = DeliveryFilters

    @extend_schema(summary="List deliveries", responses=Page[DeliveryData])
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response([delivery_data(delivery) for delivery in page])
