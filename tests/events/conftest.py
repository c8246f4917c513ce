"""The product's web server in a process of its own, on the database of the test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.db import connection

PATIENCE_SECONDS = 20


def database_url() -> str:
    """The URL of the test database, for a child process."""
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    who = f"{values['USER']}:{values['PASSWORD']}" if values["PASSWORD"] else values["USER"]
    return f"postgresql://{who}@{values['HOST']}:{values['PORT']}/{values['NAME']}"


@pytest.fixture
def daphne() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """(process, host:port)"""
    environment = os.environ | {"DATABASE_URL": database_url(), "WEBSOCKET_PING_INTERVAL_SECONDS": "1"}
    environment["RATE_LIMIT_ENABLED"] = "false"
    environment["DJANGO_SETTINGS_MODULE"] = "hsi.settings"
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.events.stream.daphne_child"], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        yield child, f"127.0.0.1:{int(child.stdout.readline())}"
    finally:
        child.terminate()
        child.wait(PATIENCE_SECONDS)
        assert child.stdout is not None
        child.stdout.close()
