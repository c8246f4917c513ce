"""Runs Channels' worker beside the notifier, so that wake-ups of other processes reach it."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from channels.layers import BaseChannelLayer, InMemoryChannelLayer, get_channel_layer
from channels.routing import get_default_application
from channels.worker import Worker
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

logger = logging.getLogger(__name__)

RETRY_SECONDS = 5.0
STOP_SECONDS = 2.0


class ChannelWorker(Worker):
    """Channels' worker that waits while its channel layer is unavailable. The worker of Channels would exit."""

    async def listener(self, channel: str) -> None:
        failed_at = float("-inf")
        while True:
            try:
                await super().listener(channel)
            except RedisTimeoutError:
                continue  # no message within the time limit of the Redis client
            except (OSError, RedisError) as error:
                if time.monotonic() - failed_at > 2 * RETRY_SECONDS:
                    logger.warning("Channel %s cannot be read; the notifier polls once a second: %s", channel, error)
                failed_at = time.monotonic()
                await asyncio.sleep(RETRY_SECONDS)


class WorkerThread:
    """A thread that runs `ChannelWorker` for `channels`. Does nothing when no channel layer connects the processes."""

    def __init__(self, channels: Sequence[str]) -> None:
        self._channels = channels
        self._thread: threading.Thread | None = None
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop
        self._task: asyncio.Task[None]

    def start(self) -> None:
        layer = get_channel_layer()
        if layer is not None and not isinstance(layer, InMemoryChannelLayer):
            self._thread = threading.Thread(target=self._run, args=[layer], name="channel-worker", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        if self._thread is None:
            return
        if self._started.wait(STOP_SECONDS):
            with suppress(RuntimeError):  # the loop is closed already
                self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(STOP_SECONDS)

    def _run(self, layer: BaseChannelLayer) -> None:
        worker = ChannelWorker(get_default_application(), list(self._channels), layer)
        with suppress(asyncio.CancelledError):
            asyncio.run(self._work(worker))

    async def _work(self, worker: ChannelWorker) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.ensure_future(worker.arun())  # type: ignore[no-untyped-call]  # so is the library
        self._started.set()
        await self._task
