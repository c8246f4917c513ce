"""A hint that the outbox has grown. The one place that sends to a channel group.

A hint carries nothing and may be lost: whoever tails the outbox also looks by itself now and then.
Listeners of this process are called directly; other processes hear through the channel layer,
where there is one that reaches them. That is a thread's work: no commit waits for it, and hints
that come while one is on its way become one. While the layer is away, a breaker keeps everybody
from waiting for it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from channels.layers import InMemoryChannelLayer, get_channel_layer
from redis.exceptions import RedisError

from hsi import crashpoint
from hsi.errors import CircuitOpenError
from hsi.localbreaker import LocalBreaker

GROUP = "hsi.outbox"
SEND_SECONDS = 5.0

# This process's way to the channel layer, for sending hints and for hearing them.
layer_breaker = LocalBreaker("channel_layer", failures=3, rest_seconds=5.0)

_listeners: set[Callable[[], None]] = set()
_lock = threading.Lock()


class Sender:
    """Sends to the group from a thread of its own, with an event loop and connections that it keeps."""

    def __init__(self) -> None:
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
            trial = layer_breaker.enter(SEND_SECONDS)
        except CircuitOpenError:
            return  # other processes hear at their next look
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await layer.group_send(GROUP, {"type": "outbox.grown"})
        except (OSError, RedisError) as error:
            layer_breaker.failed(trial, error)
        else:
            layer_breaker.answered(trial)


_sender = Sender()


def listen(call: Callable[[], None]) -> None:
    """Have `call` called, from any thread, after each commit that grew the outbox."""
    with _lock:
        _listeners.add(call)


def unlisten(call: Callable[[], None]) -> None:
    with _lock:
        _listeners.discard(call)


def send() -> None:
    """Tell every listener. Never raises: the message is in its row already."""
    crashpoint.reach("message-committed")
    with _lock:
        calls = list(_listeners)
    for call in calls:
        call()
    layer = get_channel_layer()
    if layer is not None and not isinstance(layer, InMemoryChannelLayer):
        _sender.send()
