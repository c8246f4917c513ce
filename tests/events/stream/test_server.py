"""The stream in the web server that the product runs, and clients that do not read."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.events.stream.streaming import (
    PATIENCE_SECONDS,
    StreamServer,
    deaf,
    end_of,
    frame,
    options_of,
    publish,
    ready,
    seqs,
    session_of,
    token_of,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.made_up_messages]

# More than the buffers of the kernel for one connection, which grow to several megabytes.
LARGE, BURST, BURSTS = 40_000, 350, 6


def resident_bytes(process: subprocess.Popen[str]) -> int:
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
def test_the_web_server_speaks_the_whole_protocol(daphne, admin):
    _, host = daphne
    token = token_of(admin)
    publish("front", "front")
    protocol = f"hsi.token.{token}"
    with connect(f"ws://{host}/ws/events?after=1", **options_of(subprotocols=[protocol])) as client:
        assert client.subprotocol == protocol
        assert ready(client) == 2
        publish("front")
        assert seqs(client, 2) == [2, 3]
        for _ in range(3):
            client.send("nonsense")
        code, reason = end_of(client)
    assert code == 1008
    assert "Three" in reason
    with connect(f"ws://{host}/ws/events", **options_of()) as client:
        assert end_of(client) == (4401, "Sign in, or send a token.")


@pytest.mark.slow
def test_a_page_of_ours_gets_in_with_its_session(daphne, admin):
    _, host = daphne
    with connect(f"ws://{host}/ws/events", **options_of(cookie=session_of(admin), origin=f"http://{host}")) as client:
        ready(client)


@pytest.mark.slow
def test_the_web_server_closes_a_message_that_is_too_large_with_1009(daphne, admin, settings):
    _, host = daphne
    with connect(f"ws://{host}/ws/events", **options_of(token=token_of(admin))) as client:
        ready(client)
        client.send("x" * 2**20)
        assert end_of(client)[0] == 1009


@pytest.mark.slow
def test_a_client_that_does_not_read_costs_the_web_server_little_and_delays_nobody(daphne, admin):
    child, host = daphne
    token = token_of(admin)
    with connect(f"ws://{host}/ws/events", **options_of(token=token)) as quick:
        ready(quick)
        slow = deaf(host, token)
        before = resident_bytes(child)
        for burst in range(BURSTS):  # no hint reaches the child without Redis, so each costs it a look
            publish(*["front"] * BURST, filling="x" * LARGE)
            assert seqs(quick, BURST) == list(range(burst * BURST + 1, (burst + 1) * BURST + 1))
        grown = resident_bytes(child) - before
        slow.close()
    assert grown < 0.75 * BURSTS * BURST * LARGE


def test_a_client_that_does_not_read_is_closed_and_others_go_on(admin):
    server = StreamServer(queue_limit=8, patience_seconds=0.2)
    token = token_of(admin)
    try:
        with server.client(token=token) as quick:
            ready(quick)
            slow = deaf(server.host, token)
            with slow:
                seq, deadline = 0, time.monotonic() + PATIENCE_SECONDS
                while len(server.hub.clients) == 2:
                    assert time.monotonic() < deadline
                    publish("front", filling="x" * LARGE)
                    seq += 1
                    assert frame(quick)["seq"] == seq
            publish("front")
            assert frame(quick)["seq"] == seq + 1
    finally:
        server.stop()


def test_a_burst_larger_than_the_queue_reaches_a_client_that_reads(admin):
    server = StreamServer(queue_limit=8)
    try:
        with server.client(token=token_of(admin)) as client:
            ready(client)
            for start in (1, 301):
                publish(*["front"] * 300)
                assert seqs(client, 300) == list(range(start, start + 300))
    finally:
        server.stop()


def test_a_hub_that_fails_closes_its_clients_and_serves_the_next(admin, monkeypatch):
    server = StreamServer()
    token = token_of(admin)
    try:
        with server.client(token=token) as client:
            ready(client)
            publish("front")
            assert frame(client)["seq"] == 1  # the hub runs
            monkeypatch.setattr(server.hub, "_deliver", lambda page: 1 / 0)
            publish("front")
            assert end_of(client)[0] == 1011
        monkeypatch.undo()
        with server.client("?after=1", token=token) as client:
            ready(client)
            assert frame(client)["seq"] == 2
    finally:
        server.stop()
