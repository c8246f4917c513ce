"""Receives the wake-ups of other processes, where a channel layer connects the processes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from channels.layers import BaseChannelLayer, InMemoryChannelLayer, get_channel_layer
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from hsi.errors import CircuitOpenError
from hsi.outbox.wakeup import GROUP, layer_breaker

# A membership expires after a day (`group_expiry` of channels_redis), and is lost when Redis is emptied.
RENEW_SECONDS = 60
RETRY_SECONDS = 1.0
JOIN_SECONDS = 5.0
CANCEL_SECONDS = 1.0


async def follow(on_wakeup: Callable[[], None]) -> None:
    """Call `on_wakeup` after each wake-up from another process, for ever. Return at once when there can be none."""
    layer = get_channel_layer()
    if layer is None or isinstance(layer, InMemoryChannelLayer):
        return
    while True:
        try:
            await _follow_until_renewal(layer, on_wakeup)
        except (CircuitOpenError, OSError, RedisError):
            await asyncio.sleep(max(RETRY_SECONDS, layer_breaker.wait_seconds()))


async def _follow_until_renewal(layer: BaseChannelLayer, on_wakeup: Callable[[], None]) -> None:
    clock = asyncio.get_running_loop().time
    channel = await _join(layer)
    renewed_at = clock() + RENEW_SECONDS
    try:
        while (seconds := renewed_at - clock()) > 0:
            on_wakeup()  # a wake-up sent before the membership began was not received
            with suppress(RedisTimeoutError):  # no wake-up within the time limit of the Redis client
                await _receive(layer, channel, seconds)
    except (OSError, RedisError) as error:
        layer_breaker.fail("", error)
        raise
    finally:
        with suppress(OSError, RedisError):  # must not replace the cause of the end, such as a cancellation
            await layer.group_discard(GROUP, channel)


async def _receive(layer: BaseChannelLayer, channel: str, seconds: float) -> None:
    """Return after the next wake-up, or after `seconds`. Raises what the layer raises.

    The task is cancelled repeatedly until it ends: `asyncio.wait_for` before Python 3.12, which the Redis client uses,
    swallows a cancellation that arrives together with a result.
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
    """Add a new channel to the group and return its name. Raises `CircuitOpenError`, and what the layer raises."""
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
