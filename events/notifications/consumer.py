"""The Channels side of `runworker notifications`: each message wakes the loop of this process."""

from __future__ import annotations

from typing import Any

from channels.consumer import AsyncConsumer

from events.notifications.due import hint


class NotificationConsumer(AsyncConsumer):
    channel_layer_alias = ""  # it answers nobody, so it needs no channel of its own

    async def deliveries_due(self, message: dict[str, Any]) -> None:
        hint.ring()
