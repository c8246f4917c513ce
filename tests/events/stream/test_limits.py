"""Crowds, and clients that send what nobody can use, at the server's door."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
from django.contrib.auth.models import User
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.events.stream.streaming import (
    PATIENCE_SECONDS,
    StreamServer,
    deaf,
    end_of,
    frame,
    options_of,
    publish,
    ready,
    token_of,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.made_up_messages]


async def crowd(host: str, tokens: list[str]) -> tuple[list[str], int]:
    """Connect with each of `tokens` and stay: what each is told first, and how many hear the message that follows."""
    async with AsyncExitStack() as stack:
        opening = [connect(f"ws://{host}/ws/events", **options_of(token=token)) for token in tokens]
        clients = [await stack.enter_async_context(one) for one in opening]
        told = await asyncio.gather(*map(first_word, clients))
        inside = [client for client, word in zip(clients, told, strict=True) if word == "connection.ready"]
        await asyncio.to_thread(publish, "front")
        heard = await asyncio.gather(*map(first_word, inside))
        return told, heard.count("event.created")


async def first_word(client: ClientConnection) -> str:
    """The type of the next message, or the code of the close."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return str(json.loads(await client.recv())["type"])
    except ConnectionClosed as closed:
        return str(closed.rcvd and closed.rcvd.code)


@pytest.mark.parametrize(
    ("setting", "most"),
    [
        ("WEBSOCKET_MAX_CONNECTIONS", 60),
        ("WEBSOCKET_MAX_CONNECTIONS_PER_ADDRESS", 100),
        ("WEBSOCKET_MAX_CONNECTIONS_PER_USER", 50),
    ],
)
def test_of_200_connections_from_one_address_those_that_fit_are_served(server, admin, settings, setting, most):
    for name in ("", "_PER_ADDRESS", "_PER_USER"):
        setattr(settings, f"WEBSOCKET_MAX_CONNECTIONS{name}", 1000)
    setattr(settings, setting, most)
    token = token_of(admin)
    told, heard = asyncio.run(crowd(server.host, [token] * 200))
    assert Counter(told) == {"connection.ready": most, "4429": 200 - most}
    assert heard == most
    with server.client(token=token) as client:  # the seats are free again
        ready(client)


def test_the_seats_of_one_user_are_no_others(server, admin, settings):
    settings.WEBSOCKET_MAX_CONNECTIONS_PER_USER = 2
    other = User.objects.create_superuser("other")
    told, _ = asyncio.run(crowd(server.host, [token_of(admin)] * 3 + [token_of(other)] * 2))
    assert told == ["connection.ready", "connection.ready", "4429", "connection.ready", "connection.ready"]


@pytest.mark.parametrize("content", ["x" * 2**20, b"\0" * 2**20, "\u20ac" * 2**18], ids=["text", "binary", "wide text"])
def test_a_megabyte_ends_its_connection_and_no_other(server, admin, content):
    token = token_of(admin)
    with server.client(token=token) as other, server.client(token=token) as client:
        ready(other)
        ready(client)
        with suppress(ConnectionClosed):
            for _ in range(3):
                client.send(content)
        assert end_of(client)[0] in (1008, 1009)
        publish("front")
        assert frame(other)["type"] == "event.created"


def test_a_flood_of_pings_delays_nobody(server, admin):
    """What a client asks for is answered from its own queue: who does not take the answers is cut off."""
    token = token_of(admin)
    with server.client(token=token) as other, server.client(token=token, max_queue=None) as client:
        ready(other)
        ready(client)
        with suppress(ConnectionClosed):
            for _ in range(2000):
                client.send('{"type": "ping"}')
        began = time.monotonic()
        publish("front")
        assert frame(other)["type"] == "event.created"
        assert time.monotonic() - began < PATIENCE_SECONDS / 2


def test_others_hear_as_soon_beside_clients_that_never_read(admin, settings):
    """The slowest hundredth, beside ten that take nothing, against without them, in the same run."""
    settings.WEBSOCKET_MAX_CONNECTIONS_PER_ADDRESS = settings.WEBSOCKET_MAX_CONNECTIONS_PER_USER = 1000
    server = StreamServer(queue_limit=16, patience_seconds=0.5)
    try:
        alone, beside = asyncio.run(delays(server, token_of(admin)))
    finally:
        server.stop()
    # A noisy machine: what is looked for is a stream that stands still for the patience it has with the slow.
    assert percentile(beside, 99) < max(4 * percentile(alone, 99), 0.25)


async def delays(server: StreamServer, token: str) -> tuple[list[float], list[float]]:
    """Seconds from publishing to hearing, of 40 clients: alone, and until the server has given up all the deaf ones."""
    async with AsyncExitStack() as stack:
        opening = [connect(f"ws://{server.host}/ws/events", **options_of(token=token)) for _ in range(40)]
        readers = [await stack.enter_async_context(one) for one in opening]
        assert set(await asyncio.gather(*map(first_word, readers))) == {"connection.ready"}
        alone = await rounds(readers, 20)
        for _ in range(10):
            stack.enter_context(await asyncio.to_thread(deaf, server.host, token))
        beside: list[float] = []
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(server.hub.clients) > len(readers):
            assert time.monotonic() < deadline
            beside += await rounds(readers, 10)
        return alone, beside


async def rounds(readers: list[ClientConnection], count: int) -> list[float]:
    found = []
    for _ in range(count):
        began = time.monotonic()
        await asyncio.to_thread(publish, "front", filling="x" * 40_000)
        found += await asyncio.gather(*(heard_after(reader, began) for reader in readers))
    return found


async def heard_after(reader: ClientConnection, began: float) -> float:
    while True:
        message: Any = json.loads(await asyncio.wait_for(reader.recv(), PATIENCE_SECONDS))
        if message["type"] == "event.created":
            return time.monotonic() - began


def percentile(values: list[float], percent: int) -> float:
    return sorted(values)[len(values) * percent // 100]
