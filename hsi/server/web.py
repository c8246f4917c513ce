"""The web server: daphne in the main thread, and in the embedded mode every loop in a thread beside it."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Sequence

from channels.routing import get_default_application
from django.conf import settings
from django.core.management.base import CommandError

from hsi.workers import runner
from hsi.workers.flusher import Recorder
from hsi.workers.loop import Loop
from hsi.workers.runner import LoopThreads


def claim_port(host: str, port: int) -> None:
    """Raise `CommandError` where somebody else listens there already."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(f"Cannot listen on {host}:{port}: {error.strerror}. Try another --port.") from error


def serve(host: str, port: int, loops: Sequence[Loop] = ()) -> None:
    """Serve until SIGTERM or SIGINT. The first signal finishes what is in hand, the second ends now."""
    # Importing daphne's server installs the asyncio reactor of Twisted: only a serving process may do that.
    from daphne.endpoints import build_endpoint_description_strings
    from twisted.internet import reactor

    from hsi.server.daphne_backpressure import Server

    threads = LoopThreads(loops)
    server = Server(
        get_default_application(),
        endpoints=build_endpoint_description_strings(host=host, port=port),
        signal_handlers=False,
        websocket_timeout=-1,  # no socket is too old
        ping_interval=settings.WEBSOCKET_PING_INTERVAL_SECONDS,
        ping_timeout=settings.WEBSOCKET_PING_INTERVAL_SECONDS * 2,
        websocket_max_message_size=settings.WEBSOCKET_MAX_MESSAGE_SIZE,
        websocket_max_frame_size=settings.WEBSOCKET_MAX_MESSAGE_SIZE,
        application_close_timeout=2,
        verbosity=0,
        server_name="hsi",
        ready_callable=threads.start,
    )
    signals = 0

    def on_signal(number: int, frame: object) -> None:
        nonlocal signals
        signals += 1
        if signals > 1:
            os._exit(128 + number)
        threads.stop()
        reactor.callFromThread(reactor.stop)  # type: ignore[misc]

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    with Recorder() as recorder:
        server.run()
        threads.stop()
        runner.end(threads, loops, recorder)
