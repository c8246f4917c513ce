"""The embedded mode: daphne in the main thread, every loop in a thread beside it."""

from __future__ import annotations

import logging
import os
import signal

from django.conf import settings

from hsi.runner import LoopThreads, embedded_loops

logger = logging.getLogger(__name__)


def run(host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT. The first signal finishes what is in hand, the second ends now."""
    # Importing daphne's server installs the asyncio reactor of Twisted: only a serving process may do that.
    from daphne.endpoints import build_endpoint_description_strings
    from daphne.server import Server
    from twisted.internet import reactor

    from hsi.asgi import application

    threads = LoopThreads(embedded_loops())
    server = Server(
        application,
        endpoints=build_endpoint_description_strings(host=host, port=port),
        signal_handlers=False,
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
    server.run()
    threads.stop()
    if unfinished := threads.join(settings.SHUTDOWN_GRACE_SECONDS + 2):
        logger.warning("Ended without waiting longer for: %s", ", ".join(unfinished))
