"""How many connections there may be at a time: in all, from one address, of one user. Each process counts its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Seats:
    """Counts what is taken, by a name."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    @contextmanager
    def seat(self, name: str, most: int) -> Iterator[bool]:
        """Take one for as long as the block runs. False: `most` are taken already, and this one is not."""
        is_free = self._taken[name] < most
        self._taken[name] += is_free
        try:
            yield is_free
        finally:
            self._taken[name] -= is_free
            if not self._taken[name]:
                del self._taken[name]
