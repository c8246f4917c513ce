"""Wake-ups: signals that a table has new rows, such as the outbox of the stream or that of notifications.

A wake-up carries no data and may be lost, so readers also poll now and then. Listeners of this process are called
directly. Other processes are reached through the channel layer, if one is configured. A thread sends to the layer:
no commit waits for it, and wake-ups that arrive during a send are merged into one. A circuit breaker skips the layer
while it is down. This is the only module that sends to a channel or group.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

from channels.exceptions import ChannelFull
from channels.layers import BaseChannelLayer, InMemoryChannelLayer, get_channel_layer
from redis.exceptions import RedisError

from hsi import failpoints
from hsi.circuit_breaker import InProcessBreaker, Limits
from hsi.errors import CircuitOpenError

GROUP = "hsi.outbox"
SEND_SECONDS = 5.0

# Guards every use of the channel layer in this process, for sending wake-ups and for receiving them.
layer_breaker = InProcessBreaker("channel_layer", Limits(failures=3, rest_seconds=5.0))


class WakeUpSender:
    """Calls `deliver` with the channel layer, from a thread that keeps its event loop and its connections."""

    def __init__(self, deliver: Callable[[BaseChannelLayer], Awaitable[None]]) -> None:
        self._deliver = deliver
        self._wanted = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def send(self) -> None:
        """Request a delivery and return at once. Never raises."""
        self._wanted.set()
        with self._lock:
            # A forked process inherits this object, but not its thread.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="wake-up-sender", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            while True:
                self._wanted.wait()
                self._wanted.clear()
                runner.run(self._send())

    async def _send(self) -> None:
        layer = get_channel_layer()
        if layer is None:
            return
        try:
            trial = layer_breaker.begin_call(SEND_SECONDS)
        except CircuitOpenError:
            return  # other processes find the rows at their next poll
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._deliver(layer)
        except ChannelFull:
            layer_breaker.succeed(trial)  # the channel is not read: its readers poll
        except (OSError, RedisError) as error:
            layer_breaker.fail(trial, error)
        else:
            layer_breaker.succeed(trial)


class WakeUp:
    """A kind of wake-up: its listeners in this process, and `deliver`, which reaches other processes."""

    def __init__(self, deliver: Callable[[BaseChannelLayer], Awaitable[None]]) -> None:
        self._sender = WakeUpSender(deliver)
        self._listeners: set[Callable[[], None]] = set()
        self._lock = threading.Lock()

    def listen(self, call: Callable[[], None]) -> None:
        """Call `call` at each wake-up, from any thread."""
        with self._lock:
            self._listeners.add(call)

    def unlisten(self, call: Callable[[], None]) -> None:
        with self._lock:
            self._listeners.discard(call)

    def notify_local(self) -> None:
        """Wake the listeners of this process only."""
        with self._lock:
            calls = list(self._listeners)
        for call in calls:
            call()

    def notify(self) -> None:
        """Wake the listeners of every process. Never raises, because the rows are committed already."""
        self.notify_local()
        layer = get_channel_layer()
        if layer is not None and not isinstance(layer, InMemoryChannelLayer):
            self._sender.send()


async def _to_group(layer: BaseChannelLayer) -> None:
    await layer.group_send(GROUP, {"type": "outbox.grown"})


_outbox = WakeUp(_to_group)
listen, unlisten = _outbox.listen, _outbox.unlisten


def notify() -> None:
    """Wake the readers of the outbox of the stream."""
    failpoints.reach("message-committed")
    _outbox.notify()
