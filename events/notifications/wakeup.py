"""The hint that deliveries are due: on the channel `notifications`, and to the loop of this process."""

from __future__ import annotations

from channels.layers import BaseChannelLayer

from hsi.outbox.wakeup import Hint

CHANNEL = "notifications"
MESSAGE = "deliveries.due"


async def _to_channel(layer: BaseChannelLayer) -> None:
    await layer.send(CHANNEL, {"type": MESSAGE})


hint = Hint(_to_channel)
