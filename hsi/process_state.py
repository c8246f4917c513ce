"""What a process keeps in memory between units of work, and one call that discards all of it.

A module that keeps something registers how to discard it, beside the place where it is kept. Tests call `reset` around
each test, so that each begins as a new process does.
"""

from __future__ import annotations

from collections.abc import Callable

_resets: list[Callable[[], object]] = []


def register(reset: Callable[[], object]) -> None:
    """Have `reset` called by every later `reset()`. Modules call this once, when they are imported."""
    _resets.append(reset)


def reset() -> None:
    """Discard what the process remembers, in the order of registration."""
    for discard in _resets:
        discard()
