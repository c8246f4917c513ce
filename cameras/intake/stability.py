"""When a file is complete: a pure tracker, fed with what was seen and when.

It has no clock and opens no file: `now` is a monotonic time in seconds that the caller reads, and a
stamp (size in bytes, mtime in ns) is what the caller saw. An mtime is only ever compared with another
mtime of the same file, never with a clock: the clock of a camera or of a share may be wrong by years.
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
class Ready:
    """A file to take in. `final`: it has been still for so long that a cut or empty file will not heal."""

    path: str
    final: bool
    announced: bool = True  # False: only a scan saw it, and a notice should have told
    placed: bool = False  # it was moved into place
    told: bool = False  # a notice said that it was written or moved, just now


class _Mode(Enum):
    CLOSED = auto()  # somebody told us that it is complete
    SEEN = auto()  # nobody tells: the stamp must stand still
    WRITING = auto()  # somebody is writing, and will tell when done
    CUT = auto()  # intake found it incomplete: more may come
    RETRY = auto()  # intake could not, for a reason of ours


@dataclass(slots=True)
class _Pending:
    mode: _Mode
    due: float  # when to look at it next
    since: float  # since when it is known not to have changed
    stamp: Stamp | None
    queued: float  # the due time of its live entry in the heap; never later than `due`
    announced: bool = True
    placed: bool = False


class StabilityTracker:
    """The files that are not complete yet, or complete and not yet handed out.

    A file is ready when it was closed after writing or moved into place; or, where nobody tells, when
    its stamp has stood still for `stable_seconds`; or, when its writer has fallen silent or it was found
    cut short, for `incomplete_seconds`. Not thread-safe: one loop owns it.
    """

    def __init__(self, *, stable_seconds: float, incomplete_seconds: float) -> None:
        self._stable_seconds = stable_seconds
        self._incomplete_seconds = incomplete_seconds
        self._pending: dict[str, _Pending] = {}
        # (due, sequence, path). An entry whose due is not the `queued` of its file is stale and skipped.
        self._heap: list[tuple[float, int, str]] = []
        self._sequence = 0

    def __len__(self) -> int:
        return len(self._pending)

    def __contains__(self, path: object) -> bool:
        return path in self._pending

    def noticed(self, path: str, size: int, mtime_ns: int, now: float, *, announced: bool = True) -> None:
        """A scan or a poll saw the file. `announced`: that nothing else told of it is no surprise."""
        pending = self._pending.get(path)
        if pending is None:
            self._put(path, _Mode.SEEN, now + self._stable_seconds, now, (size, mtime_ns), announced=announced)
            return
        pending.announced |= announced
        if pending.mode not in (_Mode.CLOSED, _Mode.RETRY):
            self._compare(path, pending, (size, mtime_ns), now)

    def closed(self, path: str, now: float, *, placed: bool = False) -> None:
        """It was closed after writing, or moved into place: ready at once, before any backlog."""
        self._put(path, _Mode.CLOSED, -math.inf, now, None)
        self._pending[path].placed = placed

    def writing(self, path: str, now: float) -> None:
        """It was created or modified, and not closed yet."""
        self._put(path, _Mode.WRITING, now + self._stable_seconds, now, None)

    def deferred(self, path: str, size: int, mtime_ns: int, now: float) -> None:
        """Intake found it empty or cut short, with this stamp: more of it may come."""
        if not self._told_since(path):
            self._put(path, _Mode.CUT, now + self._incomplete_seconds, now, (size, mtime_ns))

    def retry_later(self, path: str, now: float, delay: float) -> None:
        """Intake failed for a reason that is not the file's: hand it out again after `delay` seconds."""
        if not self._told_since(path):
            self._put(path, _Mode.RETRY, now + delay, now, None)

    def hurry(self, path: str, now: float) -> None:
        """Something that may have been in the way of a file that could not be taken in has changed."""
        pending = self._pending.get(path)
        if pending is not None and pending.mode is _Mode.RETRY:
            self._move(path, pending, now)

    def forget(self, path: str) -> None:
        """It is gone, or no concern of ours any more."""
        self._pending.pop(path, None)
        self._compact()

    def ready(self, now: float, stamp_of: Callable[[str], Stamp | None], limit: int = 256) -> list[Ready]:
        """Take out up to `limit` files that are complete, those just closed first.

        `stamp_of` is asked only for files about to be promoted by the clock: it returns what the file
        looks like now, or None when it is gone (then it is forgotten).
        """
        result: list[Ready] = []
        while len(result) < limit and self._top_due() <= now:
            path = heapq.heappop(self._heap)[2]
            if (ready := self._settle(path, self._pending[path], now, stamp_of)) is not None:
                result.append(ready)
                del self._pending[path]
        self._compact()
        return result

    def next_due(self, now: float) -> float | None:
        """Seconds until `ready` has something to do, 0 when it has now; None when nothing is pending."""
        due = self._top_due()
        return None if due == math.inf else max(0.0, due - now)

    def _settle(
        self, path: str, pending: _Pending, now: float, stamp_of: Callable[[str], Stamp | None]
    ) -> Ready | None:
        """A file whose time has come: ready, or looked at and put back, or gone."""
        if pending.mode in (_Mode.CLOSED, _Mode.RETRY):
            told = pending.mode is _Mode.CLOSED
            return Ready(path, final=False, announced=pending.announced, placed=pending.placed, told=told)
        stamp = stamp_of(path)
        if stamp is None:
            del self._pending[path]
            return None
        self._compare(path, pending, stamp, now)
        if pending.due <= now:
            return Ready(path, final=pending.mode is not _Mode.SEEN, announced=pending.announced)
        self._queue(path, pending)
        return None

    def _told_since(self, path: str) -> bool:
        """Whether a notification came while intake had the file in hand: it knows more than intake does."""
        pending = self._pending.get(path)
        return pending is not None and pending.mode in (_Mode.CLOSED, _Mode.WRITING)

    def _compare(self, path: str, pending: _Pending, stamp: Stamp, now: float) -> None:
        """Move the due time of a file that was seen with `stamp`."""
        due = 0.0
        if pending.stamp is None:
            # `since` stays: the notification was the last sign of change. One look alone proves nothing.
            due = now + self._stable_seconds
        elif pending.stamp != stamp:
            pending.since = now
            pending.mode = _Mode.SEEN if pending.mode is _Mode.CUT else pending.mode
        pending.stamp = stamp
        window = self._stable_seconds if pending.mode is _Mode.SEEN else self._incomplete_seconds
        self._move(path, pending, max(due, pending.since + window))

    def _put(
        self, path: str, mode: _Mode, due: float, now: float, stamp: Stamp | None, *, announced: bool = True
    ) -> None:
        pending = self._pending.get(path)
        if pending is None:
            pending = self._pending[path] = _Pending(mode, due, now, stamp, queued=math.inf)
        pending.announced, pending.placed = announced, False
        pending.mode, pending.since, pending.stamp = mode, now, stamp
        self._move(path, pending, due)

    def _move(self, path: str, pending: _Pending, due: float) -> None:
        """Set the due time. A later one costs nothing: the entry in the heap is moved when it comes up."""
        pending.due = due
        if due < pending.queued:
            self._queue(path, pending)

    def _queue(self, path: str, pending: _Pending) -> None:
        pending.queued = pending.due
        self._sequence += 1
        heapq.heappush(self._heap, (pending.due, self._sequence, path))
        self._compact()

    def _top_due(self) -> float:
        """When the next file is due, after dropping stale entries and moving postponed ones."""
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
        """Rebuild the heap when most of it is stale, so that it stays within twice the pending files."""
        if len(self._heap) <= _COMPACT_ABOVE + 2 * len(self._pending):
            return
        live = ((p.queued, i, path) for i, (path, p) in enumerate(self._pending.items()))
        self._heap = list(live)
        heapq.heapify(self._heap)
        self._sequence = len(self._heap)
