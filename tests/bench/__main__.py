"""Measure, print a line a figure, write `bench.json`. Ends with 1 when a goal is missed, unless `--report`.

Every group runs in a process of its own, with data of its own: none warms another's caches or
fills another's tables. What takes minutes runs when it is named, or with `--all`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

import redis

from tests.bench.figure import Figure
from tests.engines import database
from tests.engines.engines import Engines
from tests.engines.environment import ROOT, isolated


@dataclass(frozen=True, slots=True)
class Group:
    """`module` has the figures. `broker`: a Redis that only the other queue of a comparison uses."""

    module: str
    postgresql: bool = False
    redis: bool = False
    broker: bool = False
    heavy: bool = False


GROUPS = {
    "queues": Group("tests.bench.queues", broker=True),
    "queues-postgresql": Group("tests.bench.queues", postgresql=True, broker=True),
    "queues-redis": Group("tests.bench.queues_redis", redis=True, broker=True),
    "intake": Group("tests.bench.intake"),
    "detection": Group("tests.bench.detection"),
    "models": Group("tests.bench.models"),
    "clips": Group("tests.bench.clips"),
    "parked": Group("tests.bench.parked"),
    "remote": Group("tests.bench.remote"),
    "store": Group("tests.bench.store", postgresql=True),
    "burst": Group("tests.bench.burst"),
    "notification": Group("tests.bench.notification"),
    "startup": Group("tests.bench.startup"),
    "fanout": Group("tests.bench.fanout", postgresql=True, redis=True),
    "http": Group("tests.bench.http", postgresql=True, redis=True),
    "drain": Group("tests.bench.drain", heavy=True),
    "drain-service": Group("tests.bench.drain", postgresql=True, redis=True, heavy=True),
    "events": Group("tests.bench.eventlist", postgresql=True, heavy=True),
    "admin": Group("tests.bench.adminlists", postgresql=True, heavy=True),
    "scale": Group("tests.bench.scale", heavy=True),
    "scale-postgresql": Group("tests.bench.scale", postgresql=True, heavy=True),
}
GROUP_SECONDS = 600


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    light, heavy = ([name for name, group in GROUPS.items() if group.heavy is wanted] for wanted in (False, True))
    parser.add_argument(
        "groups", nargs="*", metavar="group", help=f"of {', '.join(light)}; and heavy ones: {', '.join(heavy)}"
    )
    parser.add_argument("--all", action="store_true", help="the heavy groups, too")
    parser.add_argument("--report", action="store_true", help="end with 0 even when a goal is missed")
    options = parser.parse_args()
    if unknown := set(options.groups) - set(GROUPS):
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    figures = list(run(options.groups or light + heavy * options.all))
    content = json.dumps([figure.as_dict() for figure in figures], indent=1)
    (ROOT / "bench.json").write_text(content + "\n")
    return 0 if options.report or all(figure.ok for figure in figures) else 1


def run(names: list[str]) -> Iterator[Figure]:
    """The figures of these groups, each printed as soon as it is known."""
    with isolated() as folder, ExitStack() as surroundings:
        engines = Engines(os.environ)
        surroundings.callback(engines.close)
        for name in names:
            for figure in measured(name, folder / name, engines):
                print(figure.line(), flush=True)  # noqa: T201 (this is its output)
                yield figure


def measured(name: str, folder: Path, engines: Engines) -> Iterator[Figure]:
    """The figures of one group, from a new process with empty engines. A group that fails is a goal missed."""
    group = GROUPS[name]
    (folder / "cameras").mkdir(parents=True)
    with ExitStack() as surroundings:
        environment = {"HSI_DATA_DIR": str(folder), "DATABASE_URL": "", "LOG_LEVEL": "WARNING"}
        if group.postgresql:
            environment["DATABASE_URL"] = surroundings.enter_context(database.postgresql(engines.postgresql()))
        if group.redis or group.broker:
            with redis.Redis.from_url(engines.valkey()) as client:
                client.flushdb()
        if group.redis:
            environment["REDIS_URL"] = engines.valkey()
        if group.broker:
            environment["BENCH_BROKER_URL"] = engines.valkey()
        try:
            for line in _output([sys.executable, "-m", "tests.bench.group", group.module], environment):
                yield Figure(**json.loads(line))
        except subprocess.CalledProcessError:
            yield Figure(f"{name} could not be measured", 1, "failure", at_most=0)


def _output(command: list[str], environment: dict[str, str]) -> Iterator[str]:
    """The lines that a program prints, as they come. Raises `CalledProcessError`."""
    with (
        subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True) as process,
        _ended_after(process, GROUP_SECONDS),
    ):
        assert process.stdout
        yield from process.stdout
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


@contextmanager
def _ended_after(process: subprocess.Popen[str], seconds: float) -> Iterator[None]:
    timer = Timer(seconds, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


if __name__ == "__main__":
    sys.exit(main())
