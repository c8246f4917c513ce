"""A hint that the outbox has grown. The one place that sends to a channel group.

A hint carries nothing and may be lost: whoever tails the outbox also looks by itself now and then.
Listeners of this process are called directly; other processes hear through the channel layer,
where there is one that reaches them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from asgiref.sync import async_to_sync
from channels.layers import InMemoryChannelLayer, get_channel_layer

from hsi import crashpoint

logger = logging.getLogger(__name__)

GROUP = "hsi.outbox"

_listeners: set[Callable[[], None]] = set()
_lock = threading.Lock()


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
    if layer is None or isinstance(layer, InMemoryChannelLayer):
        return
    try:
        async_to_sync(layer.group_send)(GROUP, {"type": "outbox.grown"})
    except (OSError, ConnectionError, TimeoutError) as error:
        logger.warning("No hint sent, clients will hear at the next look: %s", error)
