"""Fixtures for every test. Which engine a run uses is told in `tests/engines/plugin.py`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.engines import database
from tests.engines.engines import Engines
from tests.engines.plugin import ENGINES

if TYPE_CHECKING:
    from tests.browser.chromium import Chromium, Visit


def pytest_configure() -> None:
    from django.conf import settings
    from hypothesis import HealthCheck
    from hypothesis import settings as examples

    # How long an example takes says how busy the machine is, and nothing about the code.
    examples.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    examples.load_profile("busy")
    # Real password hashing is slow by design; children of the tests and the product keep it.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # In a test's own transaction nothing reaches Redis, and many look at the jobs as rows. What a queue promises is
    # tested on both (tests/hsi/queues/test_contract.py); children of the tests have the one that `auto` chooses.
    settings.QUEUE = "database"
    # Tests ask more than a person does. Those about the limits set them.
    settings.RATE_LIMIT_ENABLED = False


MOST_LANES = 8  # a Redis has sixteen databases: the run's own of each lane, then those for tests of Redis itself


@pytest.fixture(scope="session")
def engines(pytestconfig: pytest.Config) -> Engines:
    """The servers of this run, started on demand."""
    return pytestconfig.stash[ENGINES]


@pytest.fixture(scope="session")
def engine(pytestconfig: pytest.Config) -> str:
    """`sqlite` or `postgresql`: what this run is on."""
    name: str = pytestconfig.getoption("--engine")
    return name


@pytest.fixture(autouse=True)
def _nothing_left_over(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is kept in memory is no part of a test's transaction, so every test starts with new ones."""
    from channels.layers import channel_layers
    from django.core.cache import cache

    from hsi import process_state
    from hsi.db import clock
    from hsi.security import authentication

    process_state.reset()
    cache.clear()
    channel_layers.backends.clear()
    # The database is asked for its time once per test. Otherwise a count of queries differs every ten seconds.
    monkeypatch.setattr(clock, "BELIEVED_SECONDS", float("inf"))
    # A process asks once whether there is a user. The order of the tests must make no difference.
    monkeypatch.setattr(authentication, "_set_up", True)
    yield
    process_state.reset()


@pytest.fixture(autouse=True)
def _every_message_is_as_the_schema_says(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the system publishes in any test. Tests that only carry messages are marked `made_up_messages`."""
    if request.node.get_closest_marker("made_up_messages"):
        return
    from hsi.outbox import publish as stream
    from hsi.outbox.messages import Message
    from tests.messages import check_row

    publish = stream.publish

    def checked(*messages: Message) -> None:
        for message in messages:
            check_row(message.type, message.camera, message.data)
        publish(*messages)

    monkeypatch.setattr(stream, "publish", checked)


@pytest.fixture
def data_dir(settings: Any, tmp_path: Path) -> Path:
    """A data folder of this test's own, with an empty `cameras` folder that is the camera root."""
    folder = tmp_path / "data"
    (folder / "cameras").mkdir(parents=True)
    settings.DATA_DIR, settings.CAMERA_ROOT = folder, folder / "cameras"
    return folder


@pytest.fixture
def postgres_url(engines: Engines) -> Iterator[str]:
    """A new, empty PostgreSQL database, whatever engine this run is on."""
    with database.postgresql(engines.postgresql()) as url:
        yield url


@pytest.fixture
def valkey_url(engines: Engines) -> str:
    """An empty Valkey database that nothing else in this run uses, whatever engine the run is on."""
    import redis

    of_run = urlsplit(engines.valkey())
    url = of_run._replace(path=f"/{int(of_run.path.strip('/') or 0) + MOST_LANES}").geturl()
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def webhooks_to_here(settings: Any) -> None:
    """Webhooks may be sent to this machine, as to peers of tests. To send none and store a channel takes that, too."""
    settings.WEBHOOK_ALLOWED_HOSTS = ["127.0.0.1"]


@pytest.fixture
def child_environment(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Environment for `manage.py` in a process of its own: an empty database of this run's engine, empty folders."""
    folder = tmp_path / "child"
    (folder / "cameras").mkdir(parents=True)
    url = request.getfixturevalue("postgres_url") if engine == "postgresql" else database.sqlite(folder)
    return {**os.environ, "HSI_DATA_DIR": str(folder), "DATABASE_URL": url, "ALLOWED_HOSTS": "127.0.0.1,localhost"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    """A real Chromium. Its module has no asynchronous tests: it keeps an event loop of its own."""
    from tests.browser.chromium import chromium

    with chromium() as running:
        yield running


@pytest.fixture
def open_page(request: pytest.FixtureRequest, browser: Chromium) -> Iterator[Callable[..., Visit]]:
    """`open_page(base_url, viewport=(1280, 800), color_scheme="light", phone=False)` until the test ends."""
    rows = request.node.get_closest_marker("django_db")
    if rows and not rows.kwargs.get("transaction"):
        pytest.fail("pages are served by others, who see only committed rows: use django_db(transaction=True)")
    yield browser.open
    browser.close_pages()
