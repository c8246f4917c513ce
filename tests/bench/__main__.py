"""Measure, print a line a figure, write `bench.json`. Ends with 1 when a goal is missed, unless `--report`.

Every group runs in a process of its own, with data of its own: none warms another's caches or
fills another's tables.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.bench.figure import Figure
from tests.engines import database
from tests.engines.engines import Engines
from tests.engines.environment import ROOT, isolated

# Name on the command line: module with the figures, and whether it runs on PostgreSQL.
GROUPS = {
    "queues": ("tests.bench.queues", False),
    "queues-postgresql": ("tests.bench.queues", True),
    "intake": ("tests.bench.intake", False),
    "detection": ("tests.bench.detection", False),
    "burst": ("tests.bench.burst", False),
    "startup": ("tests.bench.startup", False),
}
GROUP_SECONDS = 240


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="group", help=f"of {', '.join(GROUPS)}; all when none is named")
    parser.add_argument("--report", action="store_true", help="end with 0 even when a goal is missed")
    options = parser.parse_args()
    if unknown := set(options.groups) - set(GROUPS):
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    figures: list[Figure] = []
    with isolated() as folder, ExitStack() as surroundings:
        engines = Engines(os.environ)
        surroundings.callback(engines.close)
        for name in options.groups or GROUPS:
            for figure in measured(name, folder / name, engines):
                print(figure.line(), flush=True)  # noqa: T201 (this is its output)
                figures.append(figure)
    content = json.dumps([figure.as_dict() for figure in figures], indent=1)
    (ROOT / "bench.json").write_text(content + "\n")
    return 0 if options.report or all(figure.ok for figure in figures) else 1


def measured(name: str, folder: Path, engines: Engines) -> Iterator[Figure]:
    """The figures of one group, from a new process with an empty database."""
    module, on_postgresql = GROUPS[name]
    (folder / "cameras").mkdir(parents=True)
    with ExitStack() as surroundings:
        url = surroundings.enter_context(database.postgresql(engines.postgresql())) if on_postgresql else ""
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.group", module],
            env={**os.environ, "HSI_DATA_DIR": str(folder), "DATABASE_URL": url, "LOG_LEVEL": "WARNING"},
            stdout=subprocess.PIPE,
            text=True,
            timeout=GROUP_SECONDS,
            check=True,
        )
    for line in done.stdout.splitlines():
        yield Figure(**json.loads(line))


if __name__ == "__main__":
    sys.exit(main())
