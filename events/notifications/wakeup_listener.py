"""Hears the hints of other processes on the channel `notifications`, as a Channels worker does.

`manage.py runworker` of Channels itself ends when the layer is away. Here that only means that the loop's own look,
once a second, has to do.
"""

from __future__ import annotations

import asyncio
import logging
import threading

from channels.layers import InMemoryChannelLayer, get_channel_layer
from redis.exceptions import RedisError

from events.notifications.wakeup import CHANNEL, hint

logger = logging.getLogger(__name__)

LISTEN_SECONDS = 1.0  # a stop is heeded within this time
AWAY_SECONDS = 5.0


class Listener:
    """A thread that rings `hint` at each message. Without a layer that reaches other processes it does nothing."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notification-hints", daemon=True)

    def start(self) -> None:
        layer = get_channel_layer()
        if layer is not None and not isinstance(layer, InMemoryChannelLayer):
            self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(LISTEN_SECONDS + 1)

    def _run(self) -> None:
        away = False
        with asyncio.Runner() as runner:  # one event loop: the layer keeps its connections by it
            while not self._stopping.is_set():
                try:
                    runner.run(self._hear())
                    away = False
                except (OSError, RedisError) as error:
                    if not away:
                        logger.warning("No hints of notifications, they are sent within a second: %s", error)
                    away = True
                    self._stopping.wait(AWAY_SECONDS)

    async def _hear(self) -> None:
        layer = get_channel_layer()
        assert layer is not None  # noqa: S101 (start() has looked)
        try:
            async with asyncio.timeout(LISTEN_SECONDS):
                await layer.receive(CHANNEL)
        except TimeoutError:
            return
        hint.ring()
