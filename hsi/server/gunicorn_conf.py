"""The configuration of gunicorn, which serves REST and pages (`gunicorn -c python:hsi.server.gunicorn_conf hsi.wsgi`).

A worker is a process with threads. The proxy in front of it absorbs slow clients: it forwards a small body when all of
it is there, and limits the time of a large one.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hsi.settings")

from django.conf import settings

from hsi.config import private_files

private_files.restrict_umask()
STALLED_SECONDS = 60

# Read by gunicorn, by these names: https://gunicorn.org/reference/settings/
workers = settings.API_WORKERS or len(os.sched_getaffinity(0))
threads = settings.API_THREADS
worker_class = "gthread"
graceful_timeout = settings.SHUTDOWN_GRACE_SECONDS
timeout = 60  # of a worker that does not respond, not of a request
keepalive = 75  # longer than the proxy keeps an idle connection
limit_request_line = 8190
# TRUSTED_PROXY_IPS decides which proxy is trusted (`hsi.http.proxy_headers`). gunicorn itself trusts none.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108, PTH112 (heartbeats, no content)
control_socket_disable = True


def on_starting(server: Any) -> None:
    private_files.tighten()


def post_worker_init(worker: Any) -> None:
    """Start writing log lines and figures, now that the application is loaded."""
    from hsi.workers.flusher import PeriodicFlusher

    worker.flusher = PeriodicFlusher()
    worker.flusher.__enter__()


def worker_exit(server: Any, worker: Any) -> None:
    if flusher := getattr(worker, "flusher", None):
        flusher.stop()


def when_ready(server: Any) -> None:
    """Set a timeout on sending, because a client that does not read its answer would hold a thread."""
    for listener in server.LISTENERS:
        # Linux gives accepted sockets the options of their listener.
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", STALLED_SECONDS, 0))
