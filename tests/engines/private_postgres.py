"""A PostgreSQL of one test's own, that may be restarted, used up and moved to another address."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.engines import postgresql
from tests.engines.process import Server, free_port, private_folder, run

# Unlike the shared one it loses nothing that it has confirmed, however it stops: only the machine must not.
OPTIONS = postgresql.OPTIONS | {"synchronous_commit": "on", "full_page_writes": "on"}
TRUSTS = "host all all 127.0.0.1/32 trust\nhost all all {network} trust\n"


class PrivatePostgres:
    """Keeps what was committed over every `stop`. `network` is who may connect, beside the loopback."""

    def __init__(self, folder: Path, *, address: str, network: str, max_connections: int) -> None:
        self._folder, self._data = folder, folder / "data"
        self._programs = postgresql._programs(folder)
        self.address, self.port = address, free_port()
        make: list[str | Path] = [
            self._programs / "initdb",
            "-D",
            self._data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
        ]
        run([*make, "--no-sync"], folder)
        (self._data / "pg_hba.conf").write_text(TRUSTS.format(network=network))
        options = OPTIONS | {"listen_addresses": address, "max_connections": str(max_connections)}
        self._command: list[str | Path] = [self._programs / "postgres", "-D", self._data, f"--port={self.port}"]
        self._command += [f"--{name}={value}" for name, value in options.items()]
        self._server: Server | None = None
        self.start()
        with self.connect() as connection:
            connection.execute("CREATE DATABASE hsi")

    @property
    def url(self) -> str:
        return f"postgresql://postgres@{self.address}:{self.port}/hsi"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        url = f"postgresql://postgres@{self.address}:{self.port}/{database}"
        return psycopg.connect(url, autocommit=True, connect_timeout=5)

    def start(self) -> None:
        self._server = Server(self._command, self._folder, stop_signal=signal.SIGQUIT)
        self._server.wait_until(self._answers)

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """SIGINT is its fast shutdown, SIGQUIT the immediate one, which it recovers from at the next start."""
        if self._server is not None:
            self._server.stop_signal = how
            self._server.stop()
            self._server = None

    def use_up(self) -> list[psycopg.Connection]:
        """Take every connection there is, also those of others. Close them to give them back."""
        held: list[psycopg.Connection] = [self.connect()]
        while True:
            try:
                held.append(self.connect())
            except psycopg.OperationalError:
                ours = [one.info.backend_pid for one in held]
                ended = held[0].execute(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                    " WHERE backend_type = 'client backend' AND pid <> ALL(%s)",
                    [ours],
                )
                if ended.fetchone() == (0,):
                    return held

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def private_postgres(
    *, address: str = "127.0.0.1", network: str = "127.0.0.1/32", max_connections: int = 200
) -> Iterator[PrivatePostgres]:
    folder = private_folder("postgresql")
    server: PrivatePostgres | None = None
    try:
        server = PrivatePostgres(folder, address=address, network=network, max_connections=max_connections)
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
