"""Hears other processes say that the outbox has grown, where a channel layer reaches them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from channels.layers import BaseChannelLayer, InMemoryChannelLayer, get_channel_layer
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from hsi.errors import CircuitOpenError
from hsi.outbox.wakeup import GROUP, layer_breaker

# A membership ends by itself after a day (`group_expiry` of channels_redis), and when Redis is emptied.
RENEW_SECONDS = 60
RETRY_SECONDS = 1.0
JOIN_SECONDS = 5.0
CANCEL_SECONDS = 1.0


async def follow(heard: Callable[[], None]) -> None:
    """Call `heard` after each hint of another process, for ever. Ends at once where there can be none."""
    layer = get_channel_layer()
    if layer is None or isinstance(layer, InMemoryChannelLayer):
        return
    while True:
        try:
            await _follow_for_a_while(layer, heard)
        except (CircuitOpenError, OSError, RedisError):
            await asyncio.sleep(max(RETRY_SECONDS, layer_breaker.wait_seconds()))


async def _follow_for_a_while(layer: BaseChannelLayer, heard: Callable[[], None]) -> None:
    clock = asyncio.get_running_loop().time
    channel = await _join(layer)
    renewed_at = clock() + RENEW_SECONDS
    try:
        while (seconds := renewed_at - clock()) > 0:
            heard()  # what came before the membership may have gone unheard
            with suppress(RedisTimeoutError):  # nothing came within the client's own time limit
                await _receive(layer, channel, seconds)
    except (OSError, RedisError) as error:
        layer_breaker.fail("", error)
        raise
    finally:
        with suppress(OSError, RedisError):  # it must not stand in the place of what ends this, as of a cancellation
            await layer.group_discard(GROUP, channel)


async def _receive(layer: BaseChannelLayer, channel: str, seconds: float) -> None:
    """Returns when something came, or after `seconds`. Raises what the layer raises.

    In a task of its own, which is cancelled as often as it takes: `asyncio.wait_for` before Python 3.12, within the
    Redis client, returns a result that comes together with a cancellation, and the cancellation is forgotten.
    """
    receiving = asyncio.ensure_future(layer.receive(channel))
    try:
        done, _ = await asyncio.wait({receiving}, timeout=seconds)
    finally:
        while not receiving.done():
            receiving.cancel()
            await asyncio.wait({receiving}, timeout=CANCEL_SECONDS)
        failed = not receiving.cancelled() and receiving.exception()
    if done and failed:
        raise failed


async def _join(layer: BaseChannelLayer) -> str:
    """The name of a channel of our own that hears the group. Raises `CircuitOpenError`, and what the layer raises."""
    trial = layer_breaker.begin_call(JOIN_SECONDS)
    try:
        async with asyncio.timeout(JOIN_SECONDS):
            channel: str = await layer.new_channel()
            await layer.group_add(GROUP, channel)
    except (OSError, RedisError) as error:
        layer_breaker.fail(trial, error)
        raise
    layer_breaker.succeed(trial)
    return channel
