"""The whole system as its user starts it: `manage.py up` in a process of its own, spoken to by HTTP and socket."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
from websockets.sync.client import connect

from events.stream.access import EVENTS
from tests.engines.process import free_port

MANAGE = Path(__file__).parents[2] / "manage.py"
PATIENCE_SECONDS = 120
PASSWORD = "correct horse battery staple"
QUICK = {
    "RATE_LIMIT_ENABLED": "false",  # what waits is asked for many times a second
    "BATCH_WINDOW_SECONDS": "4",
    "BATCH_IDLE_TIMEOUT_SECONDS": "2",
    "FILE_STABLE_SECONDS": "0.3",
    "FILE_INCOMPLETE_SECONDS": "1",
    "FILE_RESCAN_SECONDS": "5",
    "JOB_LEASE_SECONDS": "5",
    "LOG_LEVEL": "WARNING",
}


class Running:
    """`up` with its own data folder and database. Every `start` is on the same data."""

    arguments: tuple[str, ...] = ()

    def __init__(self, environment: dict[str, str], **settings: str) -> None:
        admin = {"DJANGO_SUPERUSER_USERNAME": "admin", "DJANGO_SUPERUSER_PASSWORD": PASSWORD}
        self.environment = {**environment, **QUICK, **admin, **settings}
        self.cameras = Path(environment["HSI_DATA_DIR"]) / "cameras"
        self.log = Path(environment["HSI_DATA_DIR"]) / "up.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.token = ""

    def start(self, crash_at: str = "") -> None:
        """Start, and wait until it is ready; or, with `crash_at`, to be killed where it reaches that point."""
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(MANAGE), "up", "--host", "127.0.0.1", "--port", str(port), *self.arguments],
                env=self.environment | ({"HSI_CRASH_AT": crash_at} if crash_at else {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        if not crash_at:
            self.connect()

    def connect(self) -> None:
        """Wait until it is ready, and have a token for what follows."""
        self.until(self._ready)
        if not self.token:
            self.token = self.manage("create_token", "admin", "--name", "test", "--scope", "admin").split()[-1]
        self.client = httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, timeout=30)

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/ready", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def manage(self, *arguments: str) -> str:
        """What another `manage.py` command prints, on the same data."""
        command = [sys.executable, str(MANAGE), *arguments]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=120, check=True
        ).stdout

    def died(self) -> bool:
        """Whether it has ended by itself."""
        if self.process is None or self.process.poll() is None:
            return False
        self.process = None
        return True

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """End it as its user would; the exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(number)
        try:
            return self.process.wait(40)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.process = None

    def until(self, holds: Callable[[], bool], patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until `holds`. Fails with the log when the process ends or it takes too long."""
        deadline = time.monotonic() + patience_seconds
        pause = threading.Event()
        while not holds():
            ended = self.process is not None and self.process.poll() is not None
            if (ended and holds != self.died) or time.monotonic() > deadline:
                raise AssertionError(
                    f"it never happened; the log says:\n{self.log.read_text(errors='replace')[-6000:]}"
                )
            pause.wait(0.1)

    def get(self, path: str, **parameters: Any) -> Any:
        """The JSON of an answer that must be 200."""
        answer = self.client.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, **body: Any) -> Any:
        """The JSON of an answer that must be 201."""
        answer = self.client.post(path, json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def all(self, path: str, **parameters: Any) -> list[dict[str, Any]]:
        """Every item of a list, page by page."""
        items: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.get(path, limit=500, **parameters, **cursor)
            items += page["items"]
            if not page["has_more"]:
                return items
            cursor = {"cursor": page["next_cursor"]}

    def uploads(self) -> list[dict[str, Any]]:
        return self.all("/api/uploads")

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What the database answers, asked beside the system."""
        url = self.environment["DATABASE_URL"]
        if url.startswith("postgresql:"):
            with psycopg.connect(url) as connection:
                return connection.execute(statement.encode()).fetchall()
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=20)) as database:
            return database.execute(statement).fetchall()

    def stream(self) -> list[tuple[int, str, dict[str, Any]]]:
        """Number, type and data of every message there is, also of those that no socket sends yet."""
        found = self.rows("SELECT seq, type, data FROM hsi_streammessage ORDER BY seq")
        return [(seq, kind, json.loads(data) if isinstance(data, str) else data) for seq, kind, data in found]

    def messages(self) -> list[dict[str, Any]]:
        """Every message that the socket sends, up to the newest of them.

        The numbers of all that were there before are 1, 2, 3 and so on, and the socket sends those of its families.
        """
        numbered = [(seq, kind) for seq, kind, _ in self.stream()]
        assert [seq for seq, _ in numbered] == list(range(1, len(numbered) + 1))
        expected = [(seq, kind) for seq, kind in numbered if kind.partition(".")[0] in EVENTS.families]
        url = self.url.replace("http", "ws") + "/ws/events?after=0"
        with connect(url, additional_headers={"Authorization": f"Bearer {self.token}"}, max_size=None) as socket:
            ready = json.loads(socket.recv(30))
            assert ready["type"] == "connection.ready"
            sent = [json.loads(socket.recv(30)) for _ in expected]
        assert [(message["seq"], message["type"]) for message in sent] == expected
        return sent

    def put(self, path: str, data: bytes) -> Path:
        """A camera uploads a file."""
        target = self.cameras / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return target


def foscam_name(at: datetime, number: int) -> str:
    """Where a Foscam camera would put its still of this second; `number` keeps names of one second apart."""
    return f"R2_00626E{number:06d}/snap/MDAlarm_{at.astimezone(UTC):%Y%m%d-%H%M%S}.jpg"
