"""Base of the health checks, and the checks of database, queues, workers, cameras and disk.

A check is a `HealthCheck` of django-health-check. Its `run` raises `ServiceUnavailable` if the system cannot work
without the component, and `ServiceWarning` if the system is degraded. The messages contain no path, address or
credential. The cause of the exception has the details for administrators.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Generic, Literal, TypedDict, TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.models import Q, QuerySet
from health_check.base import HealthCheck
from health_check.exceptions import HealthCheckException, ServiceWarning

from cameras.files import disk_guard
from cameras.models import Camera
from hsi.db import clock, pooler
from hsi.disk_space import disk_usage
from hsi.errors import HSIError
from hsi.logs.redaction import redact
from hsi.models import WorkerHeartbeat
from hsi.outbound.error_responses import one_line
from hsi.queues import QUEUE_NAMES, Depth, QueueName, QueueUnavailableError, get_queue
from hsi.workers import runner
from hsi.workers.heartbeat import SILENT_AFTER

HEALTHY: Literal["healthy"] = "healthy"
DEGRADED: Literal["degraded"] = "degraded"
UNHEALTHY: Literal["unhealthy"] = "unhealthy"
Status = Literal["healthy", "degraded", "unhealthy"]

BEATS_LOOKED_AT = 500
WAIT_LIMIT_SECONDS = 600
DISK_FREE_SHARE = 0.05
DISK_FREE_BYTES = 1024**3
LONGEST_CAUSE = 500
PROBE_KEPT_SECONDS = 15.0
T = TypeVar("T")


class Outcome(TypedDict):
    status: Status
    detail: str


@dataclass
class NamedCheck(HealthCheck):  # type: ignore[misc]
    """A check with a name in the report. A successful `run` sets `detail`."""

    name: str = ""
    detail: str = field(default="", repr=False)

    def run(self) -> None:
        raise NotImplementedError


class CachedProbe(Generic[T]):
    """Runs a probe in a thread and keeps its result for some seconds. Only one probe runs at a time."""

    def __init__(self, kept_seconds: float = PROBE_KEPT_SECONDS) -> None:
        self._kept_seconds = kept_seconds
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="health")
        self._answer: Future[T] | None = None
        self._key: object = None
        self._at = 0.0

    def start(self, probe: Callable[[], T], key: object) -> Future[T]:
        """Return the kept or pending result. A different `key` (other settings) starts a new probe."""
        with self._lock:
            now = time.monotonic()
            answer = self._answer
            if answer is None or self._key != key or (answer.done() and now - self._at > self._kept_seconds):
                answer = self._answer = self._pool.submit(probe)
                self._key, self._at = key, now
            return answer


@dataclass
class DatabaseCheck(NamedCheck):
    name: str = "database"

    def run(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
        through = " A connection pooler is in use, so statements are not prepared." if pooler.is_between() else ""
        self.detail = f"Available.{pool_figures()}{through}"


def pool_figures() -> str:
    """Describe the use of the PostgreSQL connection pool of this process. Return "" without a pool."""
    pool = getattr(connection, "pool", None)
    if pool is None:
        return ""
    stats = pool.get_stats()
    used = stats["pool_size"] - stats["pool_available"]
    return (
        f" Connections: {used} in use, {stats['pool_available']} free, at most {stats['pool_max']};"
        f" {stats['requests_waiting']} waiting."
    )


def queue_depths() -> dict[QueueName, Depth]:
    """Return the depth of each queue. Raises `QueueUnavailableError`."""
    return {name: get_queue(name).depth() for name in QUEUE_NAMES}


@dataclass
class QueuesCheck(NamedCheck):
    name: str = "queues"
    depths: Callable[[], dict[QueueName, Depth]] = field(default=queue_depths, repr=False)
    is_counted: bool = True  # the numbers reveal activity of all cameras together

    def run(self) -> None:
        try:
            depths = self.depths()
        except QueueUnavailableError as error:
            raise ServiceWarning("The queues are unavailable. Work waits in the database.") from error
        counted = ", ".join(f"{name} {depth.total}" for name, depth in depths.items())
        self.detail = counted if self.is_counted else "Available."
        figures = f": {counted}" if self.is_counted else ""
        late = [name for name, depth in depths.items() if (depth.oldest_seconds or 0) > WAIT_LIMIT_SECONDS]
        if late:
            raise ServiceWarning(f"Jobs wait longer than {WAIT_LIMIT_SECONDS // 60} minutes{figures}.")
        full = [name for name, depth in depths.items() if depth.total >= settings.QUEUE_MAX_SIZE]
        if full:
            raise ServiceWarning(f"A queue is full. More work waits in the database{figures}.")


@cache
def needed_workers() -> frozenset[str]:
    """Return the kinds of loops that must run, in the web process or in processes of their own."""
    return frozenset(loop.name for loop in runner.embedded_loops())


class FailingError(Exception):
    """The error messages of failing workers."""


@dataclass
class WorkersCheck(NamedCheck):
    """Checks the newest heartbeat of each kind of loop. Older heartbeats are of replaced processes.

    A kind without any heartbeat is not running.
    """

    name: str = "workers"

    def run(self) -> None:
        State = WorkerHeartbeat.State  # noqa: N806
        beats = WorkerHeartbeat.objects.order_by("-beat_at").values_list("kind", "state", "beat_at", "detail")
        newest: dict[str, tuple[str, Any, str]] = {}
        for kind, state, beat_at, detail in beats[:BEATS_LOOKED_AT]:
            newest.setdefault(kind, (state, beat_at, detail))
        since = clock.now() - SILENT_AFTER
        running = sorted(kind for kind, (state, at, _) in newest.items() if state == State.RUNNING and at >= since)
        if not running:
            raise ServiceWarning("No worker is running. Uploads wait.")
        troubled = sorted(
            kind for kind, (state, _, _) in newest.items() if state != State.STOPPED and kind not in running
        )
        missing = sorted(needed_workers() - set(running) - set(troubled))
        words = [f"Not running: {', '.join(missing)}."] if missing else []
        if troubled:
            words += [f"Failing, or no heartbeat for {SILENT_AFTER.seconds} s: {', '.join(troubled)}."]
        if words:
            said = "; ".join(f"{kind}: {newest[kind][2]}" for kind in troubled if newest[kind][2])
            raise ServiceWarning(" ".join(words)) from (FailingError(said) if said else None)
        self.detail = f"Running: {', '.join(running)}."


@dataclass
class CamerasCheck(NamedCheck):
    """Counts the cameras among `cameras` that are offline, or show nothing useful. Only staff get their names."""

    name: str = "cameras"
    cameras: QuerySet[Camera] = field(default_factory=Camera.objects.all, repr=False)

    def run(self) -> None:
        troubled = self.cameras.filter(Q(offline_since__isnull=False) | ~Q(view=Camera.View.OK), enabled=True)
        names: dict[str, list[str]] = {}
        for camera in troubled.order_by("name", "id"):
            if camera.offline_since is not None:
                names.setdefault("offline", []).append(camera.name)
            if camera.view != Camera.View.OK:
                names.setdefault(camera.view, []).append(camera.name)
        if names:
            words = [
                f"{len(of)} {'camera is' if len(of) == 1 else 'cameras are'} {what}." for what, of in names.items()
            ]
            said = "; ".join(f"{what}: {', '.join(of)}" for what, of in names.items())
            raise ServiceWarning(" ".join(words)) from FailingError(said)
        self.detail = "No camera is offline, frozen, black, covered, blurred or turned."


@dataclass
class DiskCheck(NamedCheck):
    name: str = "disk"
    free_share: float = DISK_FREE_SHARE
    free_bytes: int = DISK_FREE_BYTES

    def run(self) -> None:
        usage = disk_usage(settings.DATA_DIR)
        if usage is None:
            raise ServiceWarning("The data folder does not exist or cannot be read.")
        total, free = usage
        share = free / total if total else 0.0
        self.detail = f"{free / 1024**3:.1f} GiB free, {share:.0%} of the data folder's disk."
        if disk_guard.is_disk_low():
            raise ServiceWarning(
                f"Intake is paused, new files wait in their folders: {self.detail} Free disk space, or lower the"
                " retention limits. Intake resumes automatically."
            )
        if share < self.free_share or free < self.free_bytes:
            raise ServiceWarning(f"Low disk space: {self.detail}")


def report(checks: list[NamedCheck], *, for_staff: bool) -> dict[str, Outcome]:
    """Run the checks one after the other. Return the outcomes by name."""
    return {check.name: outcome(check, for_staff=for_staff) for check in checks}


def outcome(check: NamedCheck, *, for_staff: bool) -> Outcome:
    try:
        check.run()
    except (DatabaseError, InterfaceError) as error:
        return _outcome(UNHEALTHY, "The database is unavailable or not up to date.", error, for_staff)
    except HealthCheckException as error:
        status: Status = DEGRADED if isinstance(error, ServiceWarning) else UNHEALTHY
        return _outcome(status, error.message, error.__cause__, for_staff)
    return {"status": HEALTHY, "detail": check.detail}


def _outcome(status: Status, detail: str, cause: BaseException | None, for_staff: bool) -> Outcome:
    """Build an outcome. For staff it includes the message of `cause`."""
    words = redact(one_line(str(cause), LONGEST_CAUSE)) if cause else ""
    kind = f"{type(cause).__name__}: " if isinstance(cause, (OSError, DatabaseError, HSIError)) else ""
    more = f" ({kind}{words or type(cause).__name__})" if for_staff and cause else ""
    return {"status": status, "detail": detail + more}


def overall(checks: dict[str, Outcome]) -> Status:
    """Return the worst status."""
    states = {check["status"] for check in checks.values()}
    return UNHEALTHY if UNHEALTHY in states else DEGRADED if DEGRADED in states else HEALTHY
