"""Hears other processes say that the outbox has grown, where a channel layer reaches them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from channels.layers import BaseChannelLayer, InMemoryChannelLayer, get_channel_layer
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from hsi.errors import CircuitOpenError
from hsi.hint import GROUP, layer_breaker

# A membership ends by itself after a day (`group_expiry` of channels_redis), and when Redis is emptied.
RENEW_SECONDS = 60
RETRY_SECONDS = 1.0
JOIN_SECONDS = 5.0


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
    channel = await _join(layer)
    try:
        async with asyncio.timeout(RENEW_SECONDS):
            while True:
                heard()  # what came before the membership may have gone unheard
                with suppress(RedisTimeoutError):  # nothing came within the client's own time limit
                    await layer.receive(channel)
    except TimeoutError:
        return
    except (OSError, RedisError) as error:
        layer_breaker.failed("", error)
        raise
    finally:
        with suppress(OSError, RedisError):  # it must not stand in the place of what ends this, as of a cancellation
            await layer.group_discard(GROUP, channel)


async def _join(layer: BaseChannelLayer) -> str:
    """The name of a channel of our own that hears the group. Raises `CircuitOpenError`, and what the layer raises."""
    trial = layer_breaker.enter(JOIN_SECONDS)
    try:
        async with asyncio.timeout(JOIN_SECONDS):
            channel: str = await layer.new_channel()
            await layer.group_add(GROUP, channel)
    except (OSError, RedisError) as error:
        layer_breaker.failed(trial, error)
        raise
    layer_breaker.answered(trial)
    return channel
