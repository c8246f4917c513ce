"""The servers of one test run, each started when it is first asked for and stopped when the run ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack

from tests.engines import postgresql, valkey


class Engines:
    """`environment` may name servers that are already running: `TEST_DATABASE_URL`, `TEST_REDIS_URL`."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._given = {
            "postgresql": environment.get("TEST_DATABASE_URL", ""),
            "valkey": environment.get("TEST_REDIS_URL", ""),
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
