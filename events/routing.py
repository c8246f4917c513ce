"""Which consumer serves which socket address and which channel."""

from __future__ import annotations

from typing import Any

from django.urls import re_path

from events.consumers import EventsConsumer, NotificationConsumer, SystemConsumer
from events.notifications.deliveries import CHANNEL
from events.stream.handshake import ConnectionLimiter, Denier
from events.stream.hub import Hub
from hsi.metrics import gauges


def stream_urlpatterns(hub: Hub) -> list[Any]:
    """Return the addresses of the sockets. All of them share `hub` and one limit of connections."""
    shared = {"hub": hub, "limiter": ConnectionLimiter()}
    addresses: list[tuple[str, Any]] = [
        (r"^ws/events/*$", EventsConsumer.as_asgi(**shared)),
        (r"^ws/system/*$", SystemConsumer.as_asgi(**shared)),
        ("", Denier.as_asgi()),
    ]
    return [re_path(pattern, consumer) for pattern, consumer in addresses]


hub = Hub()
websocket_urlpatterns = stream_urlpatterns(hub)
channel_consumers: dict[str, Any] = {CHANNEL: NotificationConsumer.as_asgi()}
gauges.register(gauges.STREAM_CLIENTS, lambda: len(hub.clients))
