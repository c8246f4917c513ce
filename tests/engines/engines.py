"""The servers of one test run, each started when it is first asked for and stopped when the run ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from urllib.parse import urlsplit

from tests.engines import postgresql, valkey


class Engines:
    """`environment` may name servers that are already running: `TEST_DATABASE_URL`, `TEST_REDIS_URL`.

    A named Redis is shared by the lanes of a run (pytest-xdist names them gw0, gw1): the first uses the
    named database of it, the others the databases with their numbers.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._given = {
            "postgresql": environment.get("TEST_DATABASE_URL", ""),
            "valkey": _of_lane(environment.get("TEST_REDIS_URL", ""), environment.get("PYTEST_XDIST_WORKER", "gw0")),
        }
        self._running = ExitStack()

    def postgresql(self) -> str:
        """URL of a PostgreSQL whose user may create databases. Raises `EngineError`."""
        return self._url("postgresql", postgresql.running)

    def valkey(self) -> str:
        """URL of a Valkey or Redis that may be emptied. Raises `EngineError`."""
        return self._url("valkey", valkey.running)

    def close(self) -> None:
        self._running.close()

    def _url(self, name: str, running: Callable[[], AbstractContextManager[str]]) -> str:
        if not self._given[name]:
            self._given[name] = self._running.enter_context(running())
        return self._given[name]


def _of_lane(url: str, worker: str) -> str:
    number = worker.removeprefix("gw")
    return urlsplit(url)._replace(path=f"/{number}").geturl() if url and number != "0" else url
