"""Named points at which a test can kill the process like a power cut. Without the variable they do nothing."""

from __future__ import annotations

import itertools
import os
import signal

from django.db import transaction

VARIABLE = "HSI_CRASH_AT"  # a name, or `name:N` for the N-th pass in this process

_name, _, _time = os.environ.get(VARIABLE, "").partition(":")
_reached = itertools.count(1)


def reach(name: str) -> None:
    """Kill the process with SIGKILL if `HSI_CRASH_AT` names this point and this pass."""
    if name == _name and next(_reached) == int(_time or 1):
        os.kill(os.getpid(), signal.SIGKILL)


def reach_after_commit(name: str) -> None:
    """Call `reach` after the commit of the current transaction, before all other commit handlers."""
    if name == _name:
        transaction.on_commit(lambda: reach(name))
