"""The process of `up`: daphne in the main thread, and every loop in a thread of its own.

A data folder is locked by one such process. A second one would take the same files in.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from channels.routing import get_default_application
from django.conf import settings
from django.core.management.base import CommandError

from hsi.workers import runner
from hsi.workers.flusher import PeriodicFlusher
from hsi.workers.loop import Loop
from hsi.workers.runner import LoopThreads

logger = logging.getLogger(__name__)

LOCK_FILE = "up.lock"
# Errors of file systems without locks, such as some network shares.
UNSUPPORTED = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


def lock_folder(folder: Path) -> IO[str]:
    """Lock the folder until the returned file is closed or the process ends. Raises CommandError."""
    try:
        file = (folder / LOCK_FILE).open("a+", encoding="ascii", errors="replace")
    except OSError as error:
        raise CommandError(f"Cannot write to the data folder {folder}: {error.strerror}.") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CommandError(_locked_by(folder, file)) from None
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        logger.warning("The data folder cannot be locked: make sure that only one `up` runs on it. %s", error)
        return file
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def _locked_by(folder: Path, file: IO[str]) -> str:
    file.seek(0)
    number = file.read(20).strip()
    process = f" (process {number})" if number.isdigit() else ""
    return (
        f"Another `up` runs on the data folder {folder}{process}, and this one was not started. Stop that one first, or"
        " set HSI_DATA_DIR to a folder of its own."
    )


def claim_port(host: str, port: int) -> None:
    """Raise CommandError if the port is in use."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(f"Cannot listen on {host}:{port}: {error.strerror}. Try another --port.") from error


def serve(host: str, port: int, loops: Sequence[Loop] = ()) -> None:
    """Serve until SIGTERM or SIGINT. The first signal finishes the work in hand, the second one exits at once."""
    # Importing daphne's server installs Twisted's asyncio reactor, which only a serving process may do.
    from daphne.endpoints import build_endpoint_description_strings
    from twisted.internet import reactor

    from hsi.server.daphne_server import Server

    threads = LoopThreads(loops)
    server = Server(
        get_default_application(),
        endpoints=build_endpoint_description_strings(host=host, port=port),
        signal_handlers=False,
        websocket_timeout=-1,  # a socket has no maximum age
        ping_interval=settings.WEBSOCKET_PING_INTERVAL_SECONDS,
        ping_timeout=settings.WEBSOCKET_PING_INTERVAL_SECONDS * 2,
        websocket_max_message_size=settings.WEBSOCKET_MAX_MESSAGE_SIZE,
        websocket_max_frame_size=settings.WEBSOCKET_MAX_MESSAGE_SIZE,
        application_close_timeout=2,
        verbosity=0,
        server_name="hsi",
        ready_callable=threads.start,
    )

    def stop() -> None:
        threads.stop()
        reactor.callFromThread(reactor.stop)  # type: ignore[misc]

    runner.stop_on_signals(stop)
    with PeriodicFlusher() as flusher:
        server.run()
        threads.stop()
        runner.end(threads, loops, flusher)
