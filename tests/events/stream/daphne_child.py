"""The product's web server on a free port, which it prints; for tests, in a process of its own."""

from __future__ import annotations

import django

django.setup()

from django.conf import settings  # noqa: E402

from hsi.asgi import application  # noqa: E402
from hsi.server.daphne_server import Server  # noqa: E402


def main() -> None:
    server: Server = Server(
        application,
        endpoints=["tcp:0:interface=127.0.0.1"],
        ping_interval=settings.WEBSOCKET_PING_INTERVAL_SECONDS,
        websocket_max_message_size=settings.WEBSOCKET_MAX_MESSAGE_SIZE,
        websocket_max_frame_size=settings.WEBSOCKET_MAX_MESSAGE_SIZE,
        verbosity=0,
        ready_callable=lambda: print(server.listening_addresses[0][1], flush=True),  # noqa: T201
    )
    server.run()


main()
