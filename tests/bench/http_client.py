"""`python -m tests.bench.http_client PORT CONNECTIONS SECONDS` asks for one page over and over, prints answers/s.

Every connection is kept and asks again as soon as it is answered. An answer that is not 200 ends the program.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time

PATH = "/api/events?limit=50"
WARM_SECONDS = 1.0
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


async def ask(port: int, until: float) -> list[float]:
    """When each answer was there, by the monotonic clock."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {os.environ['BENCH_TOKEN']}\r\n\r\n"
    answered = []
    while time.monotonic() < until:
        writer.write(head.encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        length = LENGTH.search(answer)
        if not answer.startswith(b"HTTP/1.1 200 ") or length is None:
            raise SystemExit(f"Not the page: {answer.decode()}")
        await reader.readexactly(int(length[1]))
        answered.append(time.monotonic())
    writer.close()
    return answered


async def main(port: int, connections: int, seconds: float) -> None:
    began = time.monotonic() + WARM_SECONDS
    until = began + seconds
    each = await asyncio.gather(*(ask(port, until) for _ in range(connections)))
    counted = sum(began <= at < until for answered in each for at in answered)
    print(counted / seconds, flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
