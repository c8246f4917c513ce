"""A server process of the tests: unprivileged, on loopback, and gone when the tests are gone."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

START_SECONDS = 30.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.02


class EngineError(Exception):
    """A server that the tests need is not there or does not start."""


def free_port() -> int:
    """A loopback port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def unprivileged() -> dict[str, Any]:
    """Arguments of `subprocess` that start a child as `nobody` when we are root: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    return {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []}


def private_folder(name: str) -> Path:
    """A new folder that only the servers' user may enter. The caller removes it."""
    folder = Path(tempfile.mkdtemp(prefix=f"hsi-{name}-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
    return folder


def run(command: Sequence[str | Path], folder: Path) -> str:
    """What a short program prints. Raises `EngineError` with its words when it fails or cannot be started."""
    try:
        done: subprocess.CompletedProcess[str] = subprocess.run(
            command,
            cwd=folder,
            env=clean_environment(folder),
            capture_output=True,
            text=True,
            timeout=60,
            **unprivileged(),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineError(f"{command[0]}: {error}") from error
    if done.returncode:
        raise EngineError(f"{command[0]} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def clean_environment(folder: Path) -> dict[str, str]:
    """No PGDATA, PGPORT or language of the developer's reaches a server."""
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "LC_ALL": "C", "TZ": "UTC"}


class Server:
    """One running server and its log. It dies with this process, even when that is killed."""

    def __init__(
        self, command: Sequence[str | Path], folder: Path, *, stop_signal: signal.Signals = signal.SIGTERM
    ) -> None:
        self.folder = folder
        self.stop_signal = stop_signal
        self.log = folder / "server.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*_dies_with_us(stop_signal), *command],
                cwd=folder,
                env=clean_environment(folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the tests, which then stop the server
                **unprivileged(),
            )

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Return once `ready()`. Raises `EngineError` with the log when the server ends or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise EngineError(f"{self.process.args!r} did not start:\n{self.log.read_text(errors='replace')}")
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Ask it to end, then end it."""
        if self.process.poll() is not None:
            return
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _dies_with_us(stop_signal: signal.Signals) -> list[str]:
    """The server's own signal: one that a shell had us ignore (SIGQUIT, behind `&`) it has set itself."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", stop_signal.name] if setpriv else []


def on_free_port(start: Callable[[int], Server], attempts: int = 3) -> tuple[Server, int]:
    """(server, port). A port may be taken between finding and using it, so a failed start is tried again."""
    for left in reversed(range(attempts)):
        port = free_port()
        try:
            return start(port), port
        except EngineError:
            if not left:
                raise
    raise AssertionError("unreachable")
