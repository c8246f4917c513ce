"""The service mode as an operator runs it: a process a role, each started again when it dies."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from tests.engines.process import free_port
from tests.system.running import MANAGE, Running

ROLES = {
    "watcher": ["watch_cameras"],
    "detector-1": ["run_detection"],
    "detector-2": ["run_detection"],
    "analyser": ["run_analysis"],
    "notifier": ["runworker", "notifications"],
    "housekeeping": ["run_housekeeping"],
}

# One process instead of three, whose start is most of their work.
PREPARE = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("createsuperuser", interactive=False, email="a@example.org", verbosity=0)
call_command("create_token", "admin", name="test", scope="admin")
"""


class Service(Running):
    """`Running`, as separate processes under a supervisor that starts again what dies, as a container runtime would.

    `roles` are the processes beside the web server; `within` has words that go before a role's command.
    """

    def __init__(
        self,
        environment: dict[str, str],
        redis_url: str,
        *,
        roles: Mapping[str, list[str]] = ROLES,
        within: Mapping[str, list[str]] | None = None,
        **settings: str,
    ) -> None:
        super().__init__(environment, REDIS_URL=redis_url, **settings)
        self.roles, self.within = roles, within or {}
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.deaths: dict[str, int] = dict.fromkeys([*roles, "web"], 0)
        self._before = dict(self.deaths)
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._supervisor = threading.Thread(target=self._supervise, daemon=True)

    def start_service(self, crash_at: dict[str, str] | None = None) -> None:
        """Start what does not run. Roles whose names begin with a key of `crash_at` begin anew, to be killed there."""
        crash_at = crash_at or {}
        if not self.processes:
            self._prepare()
        with self._lock:
            for role in ["web", *self.roles]:
                point = next((point for name, point in crash_at.items() if role.startswith(name)), "")
                if point or role not in self.processes:
                    self._restart(role, point)
            self._before = dict(self.deaths)
        if not self._supervisor.is_alive():
            self._supervisor.start()

    def _prepare(self) -> None:
        command = [sys.executable, "-c", PREPARE]
        environment = self.environment | {"DJANGO_SETTINGS_MODULE": "hsi.settings"}
        done = subprocess.run(
            command, env=environment, cwd=MANAGE.parent, capture_output=True, text=True, timeout=120, check=True
        )
        self.token = done.stdout.split()[-1]

    def all_beating(self) -> bool:
        """Whether each role that runs now has given a sign of life: from then on it ends when it is told to."""
        beating = {pid for (pid,) in self.rows("SELECT pid FROM hsi_workerheartbeat WHERE state = 'running'")}
        with self._lock:
            return beating.issuperset(process.pid for role, process in self.processes.items() if role != "web")

    def have_died(self, names: Iterable[str]) -> bool:
        """Whether of each of these kinds of role one has ended by itself since the start. It runs again."""
        grown = [role for role, count in self.deaths.items() if count > self._before[role]]
        return all(any(role.startswith(name) for role in grown) for name in names)

    def _restart(self, role: str, crash_at: str) -> None:
        if role in self.processes:
            self.processes[role].kill()
            self.processes[role].wait()
        self._run(role, crash_at)

    def _run(self, role: str, crash_at: str = "") -> None:
        environment = self.environment | ({"HSI_CRASH_AT": crash_at} if crash_at else {})
        command = [
            *self.within.get(role, []),
            sys.executable,
            str(MANAGE),
            *self.roles.get(role, ["serve", "--host", "127.0.0.1", "--port", str(self.port)]),
        ]
        with self.log.open("ab") as log:
            self.processes[role] = subprocess.Popen(
                command, env=environment, cwd=MANAGE.parent, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _supervise(self) -> None:
        while not self._ending.wait(0.2):
            with self._lock:
                for role, process in list(self.processes.items()):
                    if process.poll() is not None:
                        self.deaths[role] += 1
                        self._run(role)

    def kill_role(self, role: str) -> None:
        """End one process as a power cut would. The supervisor starts it again."""
        with self._lock:
            self.processes[role].kill()
            self.processes[role].wait()

    def release(self, role: str) -> subprocess.Popen[bytes]:
        """One process, which the supervisor leaves to the caller from now on."""
        with self._lock:
            return self.processes.pop(role)

    def bring_back(self, role: str) -> None:
        """Start a role that was released."""
        with self._lock:
            self._run(role)

    def _end(self, number: signal.Signals) -> int:
        self._ending.set()
        if self._supervisor.is_alive():
            self._supervisor.join()
        for process in self.processes.values():
            process.send_signal(number)
        statuses = [self._ended(process) for process in self.processes.values()]
        self.processes = {}
        return max(map(abs, statuses), default=0)

    def _ended(self, process: subprocess.Popen[Any]) -> int:
        try:
            return process.wait(40)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
