"""Which engines a run of the tests uses. Loaded before Django reads its settings.

`--engine=sqlite` (the default) runs everything on a SQLite file, all in one process.
`--engine=postgresql` runs on a real PostgreSQL with a real Valkey behind channels and cache: the
service mode. `make test` does both. The second run leaves out what cannot differ: tests that neither
use a database nor start a process on one, and tests marked `one_engine`, where the database has no
part in the result although it is used: the browser, a crash of the embedded mode.

A server that is missing is a failure, never a skip; with `CI` set a skipped test is a failure too.

`-n 2` runs two lanes (pytest-xdist), each with folders and servers of its own. What starts the whole
system stays in one of them, so that never two systems compete for a small machine.
"""

from __future__ import annotations

import argparse
import os
import signal
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.engines.engines import Engines
from tests.engines.environment import isolated
from tests.engines.process import EngineError

ENGINES = pytest.StashKey[Engines]()
FOLDER = pytest.StashKey[Path]()
SYSTEM = Path(__file__).resolve().parent.parent / "system"
# These start a system and leave it alone, beside whatever else runs. The others kill and cut off: one at a time.
PEACEFUL = {"test_demo", "test_url_prefix_served", "test_main_job"}
ENGINE_FIXTURES = {"db", "transactional_db", "engine", "child_environment"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engine", choices=("sqlite", "postgresql"), default="sqlite", help="database of this run")


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    """A wrapper, because pytest-django reads the settings in this same hook as early as it can."""
    options = early_config.known_args_namespace
    if not (options.help or options.version):
        # A polite kill then takes the same way out as Ctrl-C, and the servers are stopped.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        _isolate(early_config)
        if not _only_hands_out(options):
            _start_engines(early_config, options.engine)
    try:
        return (yield)
    finally:
        os.chdir(early_config.invocation_params.dir)  # pytest now looks for the paths it was given


def pytest_configure(config: pytest.Config) -> None:
    if (folder := config.stash.get(FOLDER, None)) and not _only_hands_out(config.option):
        os.chdir(folder)


def _only_hands_out(options: argparse.Namespace) -> bool:
    """Whether this process runs no test itself. Its lanes start where the command was given."""
    return bool(options.numprocesses) and "PYTEST_XDIST_WORKER" not in os.environ


def _isolate(config: pytest.Config) -> None:
    surroundings = ExitStack()
    config.add_cleanup(surroundings.close)
    config.stash[FOLDER] = surroundings.enter_context(isolated())


def _start_engines(config: pytest.Config, engine: str) -> None:
    engines = config.stash[ENGINES] = Engines(os.environ)
    config.add_cleanup(engines.close)
    if engine == "postgresql":
        try:
            os.environ["DATABASE_URL"] = engines.postgresql()
            os.environ["REDIS_URL"] = engines.valkey()
        except EngineError as error:
            raise pytest.UsageError(str(error)) from error


def pytest_report_header(config: pytest.Config) -> str:
    return f"engine: {config.getoption('--engine')}"


@pytest.hookimpl(tryfirst=True)  # before xdist writes the lanes into the names
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if SYSTEM in item.path.parents:
            group = item.path.stem if item.path.stem in PEACEFUL else "system"
            item.add_marker(pytest.mark.xdist_group(group))
    if config.getoption("--engine") == "sqlite":
        return
    again = [item for item in items if depends_on_engine(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(again)])
    items[:] = again


def depends_on_engine(item: pytest.Item) -> bool:
    """Whether the database has a part in what a test finds."""
    if item.get_closest_marker("one_engine"):
        return False
    return item.get_closest_marker("django_db") is not None or bool(ENGINE_FIXTURES & set(fixtures_of(item)))


def fixtures_of(item: pytest.Item) -> list[str]:
    return item.fixturenames if isinstance(item, pytest.Function) else []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The lines that tests told (fixture `tell`), whichever lane they ran in."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    for line in [value for report in reports for name, value in report.user_properties if name == "told"]:
        terminalreporter.write_line(str(line))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and os.environ.get("CI") and (skipped := reporter.stats.get("skipped")):
        reporter.write_line(f"\n{len(skipped)} skipped: in CI every test has to run", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
