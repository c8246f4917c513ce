"""Limits on request bodies in flight: how many, how many bytes, and for how long.

Both web servers count a body from the moment its headers are there until its request is answered, because it takes
memory or disk until then. Small bodies of unknown senders have a limit of their own, so that strangers cannot use up
the room of cameras.
"""

from __future__ import annotations

import threading
import time
from collections import Counter

from django.conf import settings

from hsi.errors import BusyError, PayloadTooLargeError, RateLimitError
from hsi.http import body_limits

RETRY_AFTER_SECONDS = 5


class Body:
    """A body in flight. Call `end` in every case; a second call does nothing."""

    def __init__(self, bodies: Bodies, client: str, announced_bytes: int, longest_bytes: int) -> None:
        self._bodies, self.client = bodies, client
        self.reserved_bytes = announced_bytes
        self._longest_bytes = longest_bytes
        self.received_bytes = 0
        self.began = time.monotonic()
        self.has_ended = False

    @property
    def needs_admission(self) -> bool:
        """Return whether `hsi.server.admission` must admit the sender before the body is read."""
        return self._bodies is known_senders

    def receive(self, count: int) -> None:
        """Count bytes that have arrived. Raises PayloadTooLargeError, BusyError and RateLimitError."""
        self.received_bytes += count
        if self.received_bytes > self._longest_bytes:
            raise PayloadTooLargeError
        if self.received_bytes > self.reserved_bytes:
            self._bodies.reserve(self, self.received_bytes - self.reserved_bytes)

    def is_late(self, now: float | None = None) -> bool:
        """Return whether the body arrives too slowly."""
        now = time.monotonic() if now is None else now
        return now - self.began > body_limits.longest_seconds(self.received_bytes)

    def end(self) -> None:
        self.has_ended = True
        self._bodies.remove(self)


class Bodies:
    """The bodies in flight of one process. Thread-safe. `most` lowers the limit of the settings."""

    def __init__(self, most: int | None = None) -> None:
        self.most = most
        self._lock = threading.Lock()
        self._bodies: set[Body] = set()
        self._of_client: Counter[str] = Counter()
        self._bytes_of_client: Counter[str] = Counter()

    def begin(self, client: str, announced_bytes: int, longest_bytes: int) -> Body:
        """Make room for a body of `client` (a network).

        Raises PayloadTooLargeError for one over `longest_bytes`, RateLimitError if the client has too much in flight,
        and BusyError if all clients together have.
        """
        if announced_bytes > longest_bytes:
            raise PayloadTooLargeError
        body = Body(self, client, announced_bytes, longest_bytes)
        with self._lock:
            per_client = settings.REQUEST_BODIES_MAX_PER_CLIENT
            most = settings.REQUEST_BODIES_MAX
            if self.most is not None:
                most, per_client = min(most, self.most), min(per_client, max(1, self.most // 2))
            if self._of_client[client] >= per_client:
                raise RateLimitError(
                    "Too many concurrent requests with a body.", retry_after_seconds=RETRY_AFTER_SECONDS
                )
            if len(self._bodies) >= most:
                raise _busy()
            self._require_bytes(client, announced_bytes, longest_bytes)
            self._bodies.add(body)
            self._of_client[client] += 1
            self._bytes_of_client[client] += announced_bytes
        return body

    def reserve(self, body: Body, more_bytes: int) -> None:
        """Make room for bytes beyond the announced length. Raises RateLimitError and BusyError."""
        with self._lock:
            if body not in self._bodies:
                return
            self._require_bytes(body.client, more_bytes, body.reserved_bytes + more_bytes)
            body.reserved_bytes += more_bytes
            self._bytes_of_client[body.client] += more_bytes

    def remove(self, body: Body) -> None:
        with self._lock:
            if body not in self._bodies:
                return
            self._bodies.discard(body)
            for counter, count in ((self._of_client, 1), (self._bytes_of_client, body.reserved_bytes)):
                counter[body.client] -= count
                if counter[body.client] <= 0:
                    del counter[body.client]

    def outstanding_bytes(self) -> int:
        """Return how many announced bytes have not arrived yet."""
        with self._lock:
            return sum(max(0, body.reserved_bytes - body.received_bytes) for body in self._bodies)

    def __len__(self) -> int:
        return len(self._bodies)

    def _require_bytes(self, client: str, more: int, single: int) -> None:
        of_client = self._bytes_of_client[client] + more
        if of_client > max(settings.REQUEST_BODIES_MAX_BYTES_PER_CLIENT, single):
            raise RateLimitError(
                "The concurrent request bodies are too large in total.", retry_after_seconds=RETRY_AFTER_SECONDS
            )
        if sum(self._bytes_of_client.values()) + more > max(settings.REQUEST_BODIES_MAX_BYTES, single):
            raise _busy()


def _busy() -> BusyError:
    return BusyError("Too many concurrent requests with a body.", retry_after_seconds=RETRY_AFTER_SECONDS)


# Bodies of unknown senders have at most `body_limits.UNKNOWN_SENDER_BYTES`. All others need admission.
unknown_senders = Bodies()
known_senders = Bodies()


def begin(client: str, path: str, announced_bytes: int | None) -> Body:
    """Make room for a body that `client` (a network) announces for `path`; None is the length of a chunked body.

    A small body counts as one of an unknown sender. A long or chunked one has `needs_admission` set. Raises as
    `Bodies.begin` does.
    """
    is_small = announced_bytes is not None and announced_bytes <= body_limits.UNKNOWN_SENDER_BYTES
    senders = unknown_senders if is_small else known_senders
    return senders.begin(client, announced_bytes or 0, body_limits.longest_body_bytes(path))
