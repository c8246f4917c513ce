"""Servers that send the same messages to all who are connected, each in a process of its own.

`python -m tests.bench.fanout_server KIND` prints its port. `bare` and `stock-*` publish what is asked for on standard
input, a line `count pause`; the hub's are told by the outbox. All end with their standard input.

bare            websockets' own broadcast
stock-daphne    a Channels consumer in a group, on daphne
stock-uvicorn   the same on uvicorn
hub-daphne      our stream as the product serves it
hub-uvicorn     our stream on uvicorn
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from tests.engines.process import free_port

MESSAGE_BYTES = 508
Broadcast = Callable[[str], Awaitable[None]]


def message(number: int) -> str:
    head = f'{{"type":"event.updated","seq":{number},"pad":"'
    return head + "x" * (MESSAGE_BYTES - len(head) - 2) + '"}'


def listen_to_orders(loop: asyncio.AbstractEventLoop, broadcast: Broadcast) -> None:
    """Publish what standard input asks for, in `loop`; end with it."""

    async def publish(first: int, count: int, pause: float) -> None:
        for number in range(first, first + count):
            await broadcast(message(number))
            await asyncio.sleep(pause)

    def read() -> None:
        first = 1
        for line in sys.stdin:
            count, pause = int(line.split()[0]), float(line.split()[1])
            asyncio.run_coroutine_threadsafe(publish(first, count, pause), loop)
            first += count
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()


async def serve_bare(port: int) -> None:
    from websockets.asyncio.server import broadcast, serve

    clients: set[Any] = set()

    async def handle(client: Any) -> None:
        clients.add(client)
        await client.wait_closed()

    async def to_all(text: str) -> None:
        broadcast(clients, text)

    async with serve(handle, "127.0.0.1", port, compression=None, ping_interval=None, max_queue=1):
        listen_to_orders(asyncio.get_running_loop(), to_all)
        print(port, flush=True)  # noqa: T201
        await asyncio.get_running_loop().create_future()


def stock() -> Any:
    """Channels as its tutorial has it, with its layer in memory."""
    from channels.generic.websocket import AsyncWebsocketConsumer
    from channels.layers import get_channel_layer
    from django.conf import settings

    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    heard: set[bool] = set()

    async def to_all(text: str) -> None:
        layer = get_channel_layer()
        assert layer
        await layer.group_send("all", {"type": "told", "text": text})

    class Consumer(AsyncWebsocketConsumer):
        async def connect(self) -> None:
            if not heard:
                heard.add(True)
                listen_to_orders(asyncio.get_running_loop(), to_all)
            await self.channel_layer.group_add("all", self.channel_name)
            await self.accept()

        async def told(self, event: dict[str, str]) -> None:
            await self.send(text_data=event["text"])

    return Consumer.as_asgi()


def serve_daphne(application: Any, port: int, server: Any) -> None:
    from daphne.endpoints import build_endpoint_description_strings

    serving = server(
        application,
        endpoints=build_endpoint_description_strings(host="127.0.0.1", port=port),
        verbosity=0,
        ready_callable=lambda: print(port, flush=True),  # noqa: T201
    )
    serving.run()


def serve_uvicorn(application: Any, port: int) -> None:
    import uvicorn

    config = uvicorn.Config(
        application, host="127.0.0.1", port=port, lifespan="off", log_config=None, ws="websockets-sansio",
        ws_ping_interval=None, ws_per_message_deflate=False, proxy_headers=False,
    )  # fmt: skip

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            print(port, flush=True)  # noqa: T201

    Server(config).run()


def main(kind: str) -> None:
    port = free_port()
    if kind == "bare":
        asyncio.run(serve_bare(port))
        return
    if kind.endswith("daphne"):
        import daphne.server  # before anything makes another event loop
    import django

    django.setup()
    if kind.startswith("stock"):
        application = stock()
    else:
        from hsi.asgi import application

        threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    if kind.endswith("uvicorn"):
        serve_uvicorn(application, port)
    elif kind == "stock-daphne":
        serve_daphne(application, port, daphne.server.Server)
    else:
        from hsi.server.daphne_server import Server

        serve_daphne(application, port, Server)


if __name__ == "__main__":
    main(sys.argv[1])
