"""From a camera's last byte to a person's telephone: the first notification of a person who is beyond doubt."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from statistics import median

from tests import files
from tests.bench.figure import Figure, percentile
from tests.peers.detectors import RtDetrPeer
from tests.peers.webhook import WebhookPeer
from tests.system.running import Running, foscam_name
from tests.system.telling import SETTINGS, tell_everything

PICTURES, WARM_UP = 60, 5
LONGEST_SECONDS = 20.0


def figures() -> Iterator[Figure]:
    """Milliseconds from close() of the file to the webhook at its receiver. Each picture is of a camera of its own."""
    with RtDetrPeer() as detector, WebhookPeer() as receiver:
        running = Running(dict(os.environ), RTDETR_URL=detector.url, **SETTINGS)
        try:
            running.start()
            tell_everything(running, receiver)
            waits = [told_after(running, receiver, number) for number in range(WARM_UP + PICTURES)][WARM_UP:]
        finally:
            running.stop()
    yield Figure("file complete to first notification, p50", median(waits), "ms")
    yield Figure("file complete to first notification, p95", percentile(waits, 0.95), "ms", at_most=2000)


def told_after(running: Running, receiver: WebhookPeer, number: int) -> float:
    path = foscam_name(datetime.now(UTC), number)
    camera = path.partition("/")[0].lower()
    seen = len(receiver.posts)
    running.put(path, files.jpeg(number, (1280, 720)))
    closed = time.monotonic()
    while time.monotonic() < closed + LONGEST_SECONDS:
        for post in receiver.posts[seen:]:
            if post.json["alert"]["camera"] == camera:
                return (post.at - closed) * 1000
        time.sleep(0.005)
    raise AssertionError(f"{camera} was not told of")
