"""Hints that there is something new in a table: the outbox of the stream, or that of notifications.

A hint carries nothing and may be lost: whoever waits also looks by itself now and then.
Listeners of this process are called directly; other processes hear through the channel layer,
where there is one that reaches them. That is a thread's work: no commit waits for it, and hints
that come while one is on its way become one. The one place that sends to a channel or group.
While the layer is away, a breaker keeps everybody from waiting for it.
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

# This process's way to the channel layer, for sending hints and for hearing them.
layer_breaker = InProcessBreaker("channel_layer", Limits(failures=3, rest_seconds=5.0))


class Sender:
    """Calls `deliver` with the layer from a thread of its own, with an event loop and connections that it keeps."""

    def __init__(self, deliver: Callable[[BaseChannelLayer], Awaitable[None]]) -> None:
        self._deliver = deliver
        self._wanted = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def send(self) -> None:
        """Returns at once. Never raises."""
        self._wanted.set()
        with self._lock:
            # Of a forked process the thread is not part, though the object is.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="hint-sender", daemon=True)
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
            return  # other processes hear at their next look
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._deliver(layer)
        except ChannelFull:
            layer_breaker.succeed(trial)  # nobody takes the hints: they are looked for
        except (OSError, RedisError) as error:
            layer_breaker.fail(trial, error)
        else:
            layer_breaker.succeed(trial)


class Hint:
    """One kind of hint: its listeners in this process, and how other processes are told (`deliver`)."""

    def __init__(self, deliver: Callable[[BaseChannelLayer], Awaitable[None]]) -> None:
        self._sender = Sender(deliver)
        self._listeners: set[Callable[[], None]] = set()
        self._lock = threading.Lock()

    def listen(self, call: Callable[[], None]) -> None:
        """Have `call` called, from any thread, at each hint."""
        with self._lock:
            self._listeners.add(call)

    def unlisten(self, call: Callable[[], None]) -> None:
        with self._lock:
            self._listeners.discard(call)

    def ring(self) -> None:
        """Tell the listeners of this process alone."""
        with self._lock:
            calls = list(self._listeners)
        for call in calls:
            call()

    def send(self) -> None:
        """Tell every listener of every process. Never raises: what it is about is in its row already."""
        self.ring()
        layer = get_channel_layer()
        if layer is not None and not isinstance(layer, InMemoryChannelLayer):
            self._sender.send()


async def _to_group(layer: BaseChannelLayer) -> None:
    await layer.group_send(GROUP, {"type": "outbox.grown"})


_outbox = Hint(_to_group)
listen, unlisten = _outbox.listen, _outbox.unlisten


def send() -> None:
    """The stream's outbox has grown."""
    failpoints.reach("message-committed")
    _outbox.send()
