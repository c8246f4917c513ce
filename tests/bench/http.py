"""Pages of events a second at 32 connections: the service mode (Caddy, then gunicorn) against gunicorn alone."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from django.contrib.auth.models import User

from hsi.security.tokens import create_token
from tests import factories
from tests.bench.figure import Figure, compared
from tests.bench.serving import serving
from tests.engines.process import free_port

CONNECTIONS, SECONDS, ROUNDS = 32, 4.0, 3
EVENTS = 200
CADDY = Path(sysconfig.get_path("scripts")) / "caddy"


def figures() -> Iterator[Figure]:
    fill()
    token = create_token(User.objects.create(username="reader", is_superuser=True), "bench", ["read"])[1]
    environment = os.environ | {"RATE_LIMIT_ENABLED": "false", "BENCH_TOKEN": token}
    wsgi, daphne, front = free_port(), free_port(), free_port()
    proxied = {
        "SITE_ADDRESS": f"http://127.0.0.1:{front}",
        "WEB_UPSTREAM": f"127.0.0.1:{wsgi}",
        "STREAM_UPSTREAM": f"127.0.0.1:{daphne}",
        "HOME": environment["HSI_DATA_DIR"],
    }
    with ExitStack() as running:
        for role, port in (("serve_wsgi", wsgi), ("serve", daphne)):
            command = [sys.executable, "manage.py", role, "--host", "127.0.0.1", "--port", str(port)]
            running.enter_context(serving(command, port, environment))
        running.enter_context(serving([str(CADDY), "run", "--config", "Caddyfile"], front, environment | proxied))
        asked = partial(answers_a_second, environment)
        yield compared(
            f"page of 50 events at {CONNECTIONS} connections, service mode", "/s",
            partial(asked, front), partial(asked, wsgi), rounds=ROUNDS, at_least=0.8,
        )  # fmt: skip
        yield Figure(f"page of 50 events at {CONNECTIONS} connections, daphne", asked(daphne), "/s")


def fill() -> None:
    camera = factories.camera()
    for _ in range(EVENTS):
        factories.event(camera)


def answers_a_second(environment: dict[str, str], port: int) -> float:
    command = [sys.executable, "-m", "tests.bench.http_client", str(port), str(CONNECTIONS), str(SECONDS)]
    return float(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)
