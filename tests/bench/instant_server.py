"""A detection service that answers at once, in a process of its own, and does as little as HTTP/1.1 allows.

`python -m tests.bench.instant_server` prints its port, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

BODY = b'{"detections": [{"class": "car", "confidence": 0.9, "bbox": [100, 100, 200, 150]}]}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"


class Instant(asyncio.Protocol):
    """Reads a request by its length, throws it away, answers."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.head = b""
        self.left = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if not self.left:
            head, end, data = (self.head + data).partition(HEAD_END)
            if not end:
                self.head = head
                return
            self.head = b""
            length = head.lower().partition(LENGTH)[2].partition(b"\r\n")[0]
            self.left = int(length or 0)
        self.left -= len(data)
        if self.left == 0 and self.transport:
            self.transport.write(ANSWER)


@contextmanager
def instant_server() -> Iterator[str]:
    """Its address; it ends with the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.instant_server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Instant, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 (this is its output)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
