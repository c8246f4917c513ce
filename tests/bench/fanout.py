"""One message to many clients: the hub on daphne and on uvicorn, against `websockets` sending only, and stock Channels.

Clients, servers and the publisher are processes of their own on the same processors, the same for all of them.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from hsi.outbox import publish as stream
from hsi.outbox.messages import NO_CAMERA, Message
from hsi.security.tokens import create_token
from tests.bench.fanout_server import MESSAGE_BYTES
from tests.bench.figure import Figure, percentile

MANY, FEW = 1000, 100
BURST = 200
# Stock Channels delivers a few thousand a second, so a burst to many would take a minute of processor time for each
# server. A short one has the same rate. What stock loses is measured with the full burst and few clients.
SHORT_BURST = 20
TOGETHER = 20
SINGLES = 20
STOCK = ("stock-uvicorn", "stock-daphne")
Publish = Callable[[int], None]
SETTINGS = {
    "RATE_LIMIT_ENABLED": "false",
    "WEBSOCKET_MAX_CONNECTIONS": "2000",
    "WEBSOCKET_MAX_CONNECTIONS_PER_ADDRESS": "2000",
    "WEBSOCKET_MAX_CONNECTIONS_PER_USER": "2000",
}


@dataclass(frozen=True)
class Measured:
    """Deliveries a second and the share that arrived, of a burst; milliseconds to the slowest hundredth, of one.

    Without single messages, or if the server loses them all, `p99_ms` is infinite.
    """

    rate: float
    arrived: float
    p99_ms: float


def figures() -> Iterator[Figure]:
    token = create_token(User.objects.create(username="listener", is_superuser=True), "bench", ["read"])[1]
    many = {kind: measured(kind, MANY, token) for kind in ("bare", "hub-uvicorn", "hub-daphne")}
    few = {kind: measured(kind, FEW, token) for kind in ("bare", "hub-uvicorn")}
    stock = {kind: measured(kind, MANY, token, burst=SHORT_BURST, singles=0) for kind in STOCK}
    bare = many["bare"]
    for kind, goal in (("hub-uvicorn", 0.4), ("hub-daphne", None)):
        yield rate(f"{MANY} clients, deliveries, {kind}", many[kind], bare, goal)
    yield rate(f"{FEW} clients, deliveries, hub-uvicorn", few["hub-uvicorn"], few["bare"], 0.5)
    for server in ("uvicorn", "daphne"):
        yield rate(
            f"{MANY} clients, deliveries, {server}: hub by stock", many[f"hub-{server}"], stock[f"stock-{server}"], 10
        )
    for server, most in (("uvicorn", 3), ("daphne", 8)):
        ours = many[f"hub-{server}"]
        yield Figure(
            f"one message to {MANY} clients, p99, {server}", ours.p99_ms, "ms",
            at_most=most, limit=bare.p99_ms, ratio=ours.p99_ms / bare.p99_ms,
        )  # fmt: skip
    beside = measured("hub-uvicorn", MANY - 1, token, deaf=1)
    yield Figure(
        f"p99 of {MANY - 1} beside one that never reads, uvicorn", beside.p99_ms, "ms",
        at_most=1.5, limit=many["hub-uvicorn"].p99_ms, ratio=beside.p99_ms / many["hub-uvicorn"].p99_ms,
    )  # fmt: skip
    lost = sum(1 - one.arrived for kind, one in many.items() if kind != "bare")
    yield Figure("deliveries lost to clients that read", 100 * lost, "%", at_most=0)
    for kind in STOCK:
        lost = 1 - measured(kind, FEW, token, singles=0).arrived
        yield Figure(f"deliveries lost by {kind}, {FEW} clients", 100 * lost, "%")


def rate(name: str, ours: Measured, limit: Measured, at_least: float | None) -> Figure:
    return Figure(name, ours.rate, "/s", at_least=at_least, limit=limit.rate, ratio=ours.rate / limit.rate)


def measured(
    kind: str, clients: int, token: str, *, deaf: int = 0, burst: int = BURST, singles: int = SINGLES
) -> Measured:
    environment = os.environ | SETTINGS | {"BENCH_TOKEN": token if kind.startswith("hub") else ""}
    with process("tests.bench.fanout_server", [kind], environment) as server:
        port = said(server)
        with process("tests.bench.fanout_client", [port, str(clients), str(deaf)], environment) as listeners:
            assert said(listeners) == "ready"
            publish = by_outbox if kind.startswith("hub") else by_order(server)
            send(listeners, publish, 5)  # warm
            began, answer = send(listeners, publish, burst)
            times_ms = []
            for _ in range(singles):
                at, one = send(listeners, publish, 1)
                times_ms += [(then - at) * 1000 for then in one["times"]]
    expected = burst * clients
    return Measured(
        answer["messages"] / (answer["last_at"] - began), answer["messages"] / expected,
        percentile(times_ms, 0.99) if times_ms else math.inf,
    )  # fmt: skip


def by_outbox(count: int) -> None:
    """Through the outbox, a few messages a transaction: what is measured is the hub, not one process's commits."""
    message = Message("event.updated", NO_CAMERA, {"pad": "x" * (MESSAGE_BYTES - 130)})
    for first in range(0, count, TOGETHER):
        with transaction.atomic():
            stream.publish(*[message] * min(TOGETHER, count - first))


def by_order(server: subprocess.Popen[str]) -> Publish:
    def publish(count: int) -> None:
        assert server.stdin
        server.stdin.write(f"{count} 0\n")
        server.stdin.flush()

    return publish


def send(listeners: subprocess.Popen[str], publish: Publish, count: int) -> tuple[float, dict[str, Any]]:
    """When publishing began, and what the listeners say of it."""
    assert listeners.stdin
    listeners.stdin.write(f"{count}\n")
    listeners.stdin.flush()
    assert said(listeners) == "go"
    began = time.monotonic()
    publish(count)
    return began, json.loads(said(listeners))


def said(child: subprocess.Popen[str]) -> str:
    assert child.stdout
    line: str = child.stdout.readline()
    return line.strip()


@contextmanager
def process(module: str, arguments: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A program that ends with its standard input."""
    child = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env=environment | {"DJANGO_SETTINGS_MODULE": "hsi.settings"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield child
    finally:
        assert child.stdin
        child.stdin.close()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
