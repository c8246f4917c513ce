"""How gunicorn serves REST and pages (`gunicorn -c python:hsi.server.gunicorn_conf hsi.wsgi`).

A worker is a process with threads. The proxy before it keeps slow clients away: it hands over small bodies when all
of them are there, and bounds the time of large ones.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hsi.settings")

from django.conf import settings

from hsi.config import private_files

private_files.keep()
STALLED_SECONDS = 60

# Read by gunicorn, by these names: https://gunicorn.org/reference/settings/
workers = settings.API_WORKERS or len(os.sched_getaffinity(0))
threads = settings.API_THREADS
worker_class = "gthread"
graceful_timeout = settings.SHUTDOWN_GRACE_SECONDS
timeout = 60  # of a worker that shows no sign of life, not of a request
keepalive = 75  # longer than the proxy keeps a connection that is not used
limit_request_line = 8190
# Whose word counts is decided by TRUSTED_PROXY_IPS (`hsi.http.proxy_headers`): gunicorn itself believes nobody.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108, PTH112 (signs of life, no content)
control_socket_disable = True


def on_starting(server: Any) -> None:
    private_files.tighten()


def post_worker_init(worker: Any) -> None:
    """The application is loaded: its log lines and figures are written from now on."""
    from hsi.workers.flusher import Recorder

    worker.recorder = Recorder()
    worker.recorder.__enter__()


def worker_exit(server: Any, worker: Any) -> None:
    if recorder := getattr(worker, "recorder", None):
        recorder.stop()


def when_ready(server: Any) -> None:
    """A client that does not read its answer holds a thread: after a while without any progress it is given up."""
    for listener in server.LISTENERS:
        # Linux gives accepted sockets the options of their listener.
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", STALLED_SECONDS, 0))
