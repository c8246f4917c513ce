from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from hsi import failpoints

pytestmark = pytest.mark.one_engine

PASSES = "from hsi import failpoints as c\nfor n in range(3):\n    c.reach('a'); print(n, flush=True); c.reach('b')"


def run(at: str) -> tuple[int, str]:
    environment = {**os.environ, failpoints.VARIABLE: at}
    ended = subprocess.run(
        [sys.executable, "-c", PASSES], env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    return ended.returncode, ended.stdout.replace("\n", "")


@pytest.mark.parametrize(
    ("at", "status", "printed"),
    [
        ("", 0, "012"),
        ("c", 0, "012"),
        ("a", -signal.SIGKILL, ""),
        ("b", -signal.SIGKILL, "0"),
        ("a:3", -signal.SIGKILL, "01"),
        ("b:4", 0, "012"),
    ],
)
def test_the_process_dies_at_the_named_point_at_the_named_time_and_nowhere_else(at: str, status: int, printed: str):
    assert run(at) == (status, printed)
