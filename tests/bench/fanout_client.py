"""Many clients of one server in one process that does little more than read frames.

`python -m tests.bench.fanout_client PORT CLIENTS [DEAF]` connects, with so many more that never read, says `ready`, and
for each line `count` on standard input reads until every client has so many messages, none has come for a while, or
`MOST_SECONDS` are over. It answers with the seconds (by the monotonic clock) of the last message, the number of
messages, and the time each client was complete.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import sys
import time
from contextlib import suppress

QUIET_SECONDS = 3.0
MOST_SECONDS = 60.0  # a server that delivers more slowly has lost what is missing then
TOKEN = os.environ.get("BENCH_TOKEN", "")


class Client(asyncio.Protocol):
    """Counts text frames. A server's frames are not masked, and none here is of 64 KiB or more."""

    def __init__(self, tally: Tally, *, is_deaf: bool = False) -> None:
        self.tally, self.is_deaf = tally, is_deaf
        self.data = bytearray()
        self.is_open = False
        self.count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        lines = [
            "GET /ws/events HTTP/1.1", f"Host: 127.0.0.1:{self.tally.port}", "Upgrade: websocket",
            "Connection: Upgrade", "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            *([f"Authorization: Bearer {TOKEN}"] if TOKEN else []), "", "",
        ]  # fmt: skip
        transport.write("\r\n".join(lines).encode())

    def data_received(self, data: bytes) -> None:
        self.data += data
        if not self.is_open:
            end = self.data.find(b"\r\n\r\n")
            if end < 0:
                return
            assert self.data.startswith(b"HTTP/1.1 101"), bytes(self.data[:200])
            del self.data[: end + 4]
            self.is_open = True
            if not TOKEN:
                self._begin()
        self._frames()

    def _begin(self) -> None:
        """From here on nothing is missed. Who shows a token hears `connection.ready` first."""
        self.tally.opened.release()
        if self.is_deaf:
            self.transport.pause_reading()

    def _frames(self) -> None:
        data, at, size = self.data, 0, len(self.data)
        while size - at >= 2:
            length, head = data[at + 1], 2
            if length == 126:
                if size - at < 4:
                    break
                length, head = int.from_bytes(data[at + 2 : at + 4]), 4
            if size - at < head + length:
                break
            if data[at] == 0x81 and length > 400:
                self.count += 1
                self.tally.note(self)
            elif b"connection.ready" in data[at : at + head + length]:
                self._begin()
            at += head + length
        del data[:at]


class Tally:
    def __init__(self, port: int, clients: int) -> None:
        self.port, self.clients = port, clients
        self.messages = self.complete = self.wanted = 0
        self.last_at = 0.0
        self.times: list[float] = []
        self.opened = asyncio.Semaphore(0)
        self.done = asyncio.Event()

    def note(self, client: Client) -> None:
        self.messages += 1
        self.last_at = time.monotonic()
        if client.count == self.wanted:
            self.times.append(self.last_at)
            self.complete += 1
            if self.complete == self.clients:
                self.done.set()


async def main(port: int, number: int, deaf: int = 0) -> None:
    loop, tally = asyncio.get_running_loop(), Tally(port, number)
    clients = []
    for _ in range(number):
        _, client = await loop.create_connection(lambda: Client(tally), "127.0.0.1", port)
        clients.append(client)
    for _ in range(deaf):
        small = socket.socket()
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        small.connect(("127.0.0.1", port))
        await loop.create_connection(lambda: Client(tally, is_deaf=True), sock=small)
    for _ in range(number + deaf):
        await tally.opened.acquire()
    print("ready", flush=True)  # noqa: T201
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        tally.wanted, tally.messages, tally.complete, tally.times = int(line), 0, 0, []
        tally.done.clear()
        for client in clients:
            client.count = 0
        print("go", flush=True)  # noqa: T201
        await wait(tally)
        answer = {"last_at": tally.last_at, "messages": tally.messages, "times": tally.times}
        print(json.dumps(answer), flush=True)  # noqa: T201


async def wait(tally: Tally) -> None:
    tally.last_at = time.monotonic()
    with suppress(TimeoutError):
        async with asyncio.timeout(MOST_SECONDS):
            while not tally.done.is_set() and time.monotonic() - tally.last_at < QUIET_SECONDS:
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.5):
                        await tally.done.wait()


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
