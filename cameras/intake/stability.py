"""Decide when a file is complete, from what was seen of it and when.

The tracker is pure: it has no clock and opens no file. `now` is a monotonic time in seconds, and a stamp is (size in
bytes, mtime in ns). An mtime is compared only with other mtimes of the same file, never with a clock, because the clock
of a camera or a share may be wrong by years.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

Stamp = tuple[int, int]

_COMPACT_ABOVE = 1024


@dataclass(frozen=True, slots=True)
class ReadyFile:
    """A file to accept. `final`: it has not changed for so long that waiting will not complete it."""

    path: str
    final: bool
    expected: bool = True  # False: a scan found it, although an event should have reported it
    placed: bool = False  # it was moved into place
    just_written: bool = False  # an event has just reported a write or a move


class _Mode(Enum):
    CLOSED = auto()  # an event reported that it is complete
    SEEN = auto()  # no event: the stamp must not change for a while
    WRITING = auto()  # an event reported a write; another one will report the end
    INCOMPLETE = auto()  # intake found it incomplete: more may come
    RETRY = auto()  # intake failed for a reason that is not the file's


@dataclass(slots=True)
class _Pending:
    mode: _Mode
    due: float  # when to check it next
    since: float  # unchanged since then, as far as is known
    stamp: Stamp | None
    queued: float  # the due time of its current entry in the heap, never later than `due`
    expected: bool = True
    placed: bool = False


class StabilityTracker:
    """The files that are not complete yet, or complete and not yet returned by `ready`.

    A file is ready when it was closed after writing or moved into place. Without such an event, it is ready when its
    stamp has not changed for `stable_seconds`. If it was found incomplete, or its writer stopped without closing it,
    that takes `incomplete_seconds`. Not thread-safe: one loop owns it.
    """

    def __init__(self, *, stable_seconds: float, incomplete_seconds: float) -> None:
        self._stable_seconds = stable_seconds
        self._incomplete_seconds = incomplete_seconds
        self._pending: dict[str, _Pending] = {}
        # (due, sequence, path). An entry is stale unless its due time is the `queued` of its file.
        self._heap: list[tuple[float, int, str]] = []
        self._sequence = 0

    def __len__(self) -> int:
        return len(self._pending)

    def __contains__(self, path: object) -> bool:
        return path in self._pending

    def seen(self, path: str, size: int, mtime_ns: int, now: float, *, expected: bool = True) -> None:
        """A scan or an event without more information saw the file. `expected`: a missing event is no surprise."""
        pending = self._pending.get(path)
        if pending is None:
            self._put(path, _Mode.SEEN, now + self._stable_seconds, now, (size, mtime_ns), expected=expected)
            return
        pending.expected |= expected
        if pending.mode not in (_Mode.CLOSED, _Mode.RETRY):
            self._compare(path, pending, (size, mtime_ns), now)

    def closed(self, path: str, now: float, *, placed: bool = False) -> None:
        """The file was closed after writing, or moved into place. It is ready at once, before any backlog."""
        self._put(path, _Mode.CLOSED, -math.inf, now, None)
        self._pending[path].placed = placed

    def writing(self, path: str, now: float) -> None:
        """The file was created or modified, and is not closed yet."""
        self._put(path, _Mode.WRITING, now + self._stable_seconds, now, None)

    def events_dropped(self, now: float) -> None:
        """The system dropped events, and the end of a write may be among them. Judge open files by their stamps."""
        for path, pending in self._pending.items():
            if pending.mode is _Mode.WRITING:
                pending.mode = _Mode.SEEN
                self._move(path, pending, now + self._stable_seconds)

    def incomplete(self, path: str, size: int, mtime_ns: int, now: float) -> None:
        """Intake found the file empty or truncated, with this stamp. More of it may come."""
        if not self._has_newer_event(path):
            self._put(path, _Mode.INCOMPLETE, now + self._incomplete_seconds, now, (size, mtime_ns))

    def retry_later(self, path: str, now: float, delay: float) -> None:
        """Intake failed for a reason that is not the file's. Return it again after `delay` seconds."""
        if not self._has_newer_event(path):
            self._put(path, _Mode.RETRY, now + delay, now, None)

    def retry_now(self, path: str, now: float) -> None:
        """Something changed that may have prevented intake of this file."""
        pending = self._pending.get(path)
        if pending is not None and pending.mode is _Mode.RETRY:
            self._move(path, pending, now)

    def forget(self, path: str) -> None:
        """The file is gone, or of no interest any more."""
        self._pending.pop(path, None)
        self._compact()

    def ready(self, now: float, stamp_of: Callable[[str], Stamp | None], limit: int = 256) -> list[ReadyFile]:
        """Remove and return up to `limit` complete files. Files that were just closed come first.

        `stamp_of` is called only for files that become ready by the passing of time. It returns the current stamp, or
        None if the file is gone.
        """
        result: list[ReadyFile] = []
        while len(result) < limit and self._top_due() <= now:
            path = heapq.heappop(self._heap)[2]
            if (ready := self._settle(path, self._pending[path], now, stamp_of)) is not None:
                result.append(ready)
                del self._pending[path]
        self._compact()
        return result

    def next_due(self, now: float) -> float | None:
        """Return the seconds until `ready` has something to do, 0 if it has now, or None if nothing is pending."""
        due = self._top_due()
        return None if due == math.inf else max(0.0, due - now)

    def _settle(
        self, path: str, pending: _Pending, now: float, stamp_of: Callable[[str], Stamp | None]
    ) -> ReadyFile | None:
        """Handle a file that is due: it is ready, or was checked and put back, or is gone."""
        if pending.mode in (_Mode.CLOSED, _Mode.RETRY):
            just_written = pending.mode is _Mode.CLOSED
            return ReadyFile(
                path, final=False, expected=pending.expected, placed=pending.placed, just_written=just_written
            )
        stamp = stamp_of(path)
        if stamp is None:
            del self._pending[path]
            return None
        self._compare(path, pending, stamp, now)
        if pending.due <= now:
            return ReadyFile(path, final=pending.mode is not _Mode.SEEN, expected=pending.expected)
        self._queue(path, pending)
        return None

    def _has_newer_event(self, path: str) -> bool:
        """Return whether an event came while intake had the file. The event is newer than what intake saw."""
        pending = self._pending.get(path)
        return pending is not None and pending.mode in (_Mode.CLOSED, _Mode.WRITING)

    def _compare(self, path: str, pending: _Pending, stamp: Stamp, now: float) -> None:
        """Update the due time of a file that was seen with `stamp`."""
        due = 0.0
        if pending.stamp is None:
            # `since` stays: the event was the last sign of change. A single stamp proves nothing.
            due = now + self._stable_seconds
        elif pending.stamp != stamp:
            pending.since = now
            pending.mode = _Mode.SEEN if pending.mode is _Mode.INCOMPLETE else pending.mode
        pending.stamp = stamp
        window = self._stable_seconds if pending.mode is _Mode.SEEN else self._incomplete_seconds
        self._move(path, pending, max(due, pending.since + window))

    def _put(
        self, path: str, mode: _Mode, due: float, now: float, stamp: Stamp | None, *, expected: bool = True
    ) -> None:
        pending = self._pending.get(path)
        if pending is None:
            pending = self._pending[path] = _Pending(mode, due, now, stamp, queued=math.inf)
        pending.expected, pending.placed = expected, False
        pending.mode, pending.since, pending.stamp = mode, now, stamp
        self._move(path, pending, due)

    def _move(self, path: str, pending: _Pending, due: float) -> None:
        """Set the due time. A later one costs nothing: the heap entry is moved when it comes up."""
        pending.due = due
        if due < pending.queued:
            self._queue(path, pending)

    def _queue(self, path: str, pending: _Pending) -> None:
        pending.queued = pending.due
        self._sequence += 1
        heapq.heappush(self._heap, (pending.due, self._sequence, path))
        self._compact()

    def _top_due(self) -> float:
        """Return when the next file is due, after dropping stale entries and moving postponed ones."""
        while self._heap:
            queued, _, path = self._heap[0]
            pending = self._pending.get(path)
            if pending is not None and pending.queued == queued:
                if pending.due == queued:
                    return queued
                heapq.heappop(self._heap)
                self._queue(path, pending)
            else:
                heapq.heappop(self._heap)
        return math.inf

    def _compact(self) -> None:
        """Rebuild the heap when most of it is stale, so that it stays below twice the number of pending files."""
        if len(self._heap) <= _COMPACT_ABOVE + 2 * len(self._pending):
            return
        live = ((p.queued, i, path) for i, (path, p) in enumerate(self._pending.items()))
        self._heap = list(live)
        heapq.heapify(self._heap)
        self._sequence = len(self._heap)
