"""Hears other processes say that the outbox has grown, where a channel layer reaches them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from channels.layers import BaseChannelLayer, InMemoryChannelLayer, get_channel_layer
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from hsi.hint import GROUP

logger = logging.getLogger(__name__)

# A membership ends by itself after a day (`group_expiry` of channels_redis), and when Redis is emptied.
RENEW_SECONDS = 60
RETRY_SECONDS = 5


async def follow(heard: Callable[[], None]) -> None:
    """Call `heard` after each hint of another process, for ever. Ends at once where there can be none."""
    layer = get_channel_layer()
    if layer is None or isinstance(layer, InMemoryChannelLayer):
        return
    while True:
        try:
            await _follow_for_a_while(layer, heard)
        except (OSError, RedisError) as error:
            logger.warning("No hints from other processes for now, looking every second: %s", error)
            await asyncio.sleep(RETRY_SECONDS)


async def _follow_for_a_while(layer: BaseChannelLayer, heard: Callable[[], None]) -> None:
    channel = await layer.new_channel()
    await layer.group_add(GROUP, channel)
    try:
        async with asyncio.timeout(RENEW_SECONDS):
            while True:
                heard()  # what came before the membership may have gone unheard
                with suppress(RedisTimeoutError):  # nothing came within the client's own time limit
                    await layer.receive(channel)
    except TimeoutError:
        return
    finally:
        await layer.group_discard(GROUP, channel)
