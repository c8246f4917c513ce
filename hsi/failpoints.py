"""Named points at which a test may end the process as a power cut would. Without the variable they do nothing."""

from __future__ import annotations

import itertools
import os
import signal

from django.db import transaction

VARIABLE = "HSI_CRASH_AT"  # a name, or `name:N` for the N-th time it is reached in this process

_name, _, _time = os.environ.get(VARIABLE, "").partition(":")
_reached = itertools.count(1)


def reach(name: str) -> None:
    """The process ends here by SIGKILL when this is the point, and the time, that `HSI_CRASH_AT` names."""
    if name == _name and next(_reached) == int(_time or 1):
        os.kill(os.getpid(), signal.SIGKILL)


def reach_after_commit(name: str) -> None:
    """`reach`, after the commit of the transaction in hand and before whatever else waits for it."""
    if name == _name:
        transaction.on_commit(lambda: reach(name))
