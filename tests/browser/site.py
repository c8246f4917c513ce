"""The product's web server on the test database, in a process of its own that can be stopped and started again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from django.conf import settings
from django.db import connection

from tests.engines.process import free_port

START_SECONDS = 60.0
STOP_SECONDS = 20.0


# The commands that serve pages and REST: daphne, and gunicorn.
SERVERS = ("serve", "serve_wsgi")


class Site:
    """Serves on `url` between `start()` and `stop()`, always on the same port."""

    def __init__(self, data_dir: Path, environment: dict[str, str], server: str = "serve") -> None:
        self.server = server
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = (
            os.environ
            | {
                "DATABASE_URL": database_url(),
                "DJANGO_SETTINGS_MODULE": "hsi.settings",
                "HSI_DATA_DIR": str(data_dir),
                "SECRET_KEY": settings.SECRET_KEY,
            }
            | environment
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        manage = str(settings.BASE_DIR / "manage.py")
        command = [sys.executable, manage, self.server, "--host", "127.0.0.1", "--port", str(self.port)]
        self.process = subprocess.Popen(command, env=self.environment)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                httpx.get(f"{self.url}/health/live", timeout=STOP_SECONDS)
            except httpx.TransportError:
                time.sleep(0.05)  # a real process starts in real time
            else:
                return
        raise AssertionError("the web server did not start")

    def processes(self) -> list[int]:
        """The ids of the server's process and its children."""
        assert self.process is not None
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(STOP_SECONDS)
            self.process = None


@contextmanager
def site(data_dir: Path, server: str = "serve", **environment: str) -> Iterator[Site]:
    made = Site(data_dir, environment, server)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def database_url() -> str:
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    who = f"{values['USER']}:{values['PASSWORD']}" if values["PASSWORD"] else values["USER"]
    return f"postgresql://{who}@{values['HOST']}:{values['PORT']}/{values['NAME']}"
