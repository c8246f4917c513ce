"""How the system is: one check a part, through django-health-check.

A check's `run` raises `ServiceUnavailable` where the system cannot work without the part, and
`ServiceWarning` where it goes on, less well. Their messages name no path, address or credential;
what a staff member may know beyond that is the exception's cause.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, TypedDict

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.models import QuerySet
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
from hsi.queues import QUEUE_NAMES, Depth, QueueUnavailableError, get_queue
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


class Outcome(TypedDict):
    status: Status
    detail: str


@dataclass
class NamedCheck(HealthCheck):  # type: ignore[misc]
    """A check with a name in the report. `run` leaves its words in `detail` when all is well."""

    name: str = ""
    detail: str = field(default="", repr=False)

    def run(self) -> None:
        raise NotImplementedError


@dataclass
class DatabaseCheck(NamedCheck):
    name: str = "database"

    def run(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
        through = " It is reached through a connection pooler, so nothing is prepared." if pooler.is_between() else ""
        self.detail = f"It answers.{pool_figures()}{through}"


def pool_figures() -> str:
    """How this process's pool of PostgreSQL connections is used; nothing where there is none."""
    pool = getattr(connection, "pool", None)
    if pool is None:
        return ""
    stats = pool.get_stats()
    used = stats["pool_size"] - stats["pool_available"]
    return (
        f" Connections: {used} in use, {stats['pool_available']} free, at most {stats['pool_max']};"
        f" {stats['requests_waiting']} waiting."
    )


def queue_depths() -> dict[str, Depth]:
    """How full each queue is. Raises `QueueUnavailableError`."""
    return {name: get_queue(name).depth() for name in QUEUE_NAMES}


@dataclass
class QueuesCheck(NamedCheck):
    name: str = "queues"
    depths: Callable[[], dict[str, Depth]] = field(default=queue_depths, repr=False)
    is_counted: bool = True  # the numbers tell that cameras saw something, all of them together

    def run(self) -> None:
        try:
            depths = self.depths()
        except QueueUnavailableError as error:
            raise ServiceWarning("The queues cannot be reached, so that work waits in its rows.") from error
        counted = ", ".join(f"{name} {depth.total}" for name, depth in depths.items())
        self.detail = counted if self.is_counted else "They can be reached."
        figures = f": {counted}" if self.is_counted else ""
        late = [name for name, depth in depths.items() if (depth.oldest_seconds or 0) > WAIT_LIMIT_SECONDS]
        if late:
            raise ServiceWarning(f"Work waits longer than {WAIT_LIMIT_SECONDS // 60} minutes{figures}.")
        full = [name for name, depth in depths.items() if depth.total >= settings.QUEUE_MAX_SIZE]
        if full:
            raise ServiceWarning(f"Full, so that more work waits in its rows{figures}.")


@cache
def needed_workers() -> frozenset[str]:
    """Each kind of loop that should run somewhere, in one process with the web server or in its own."""
    return frozenset(loop.name for loop in runner.embedded_loops())


class FailingError(Exception):
    """What workers that fail say."""


@dataclass
class WorkersCheck(NamedCheck):
    """Of each kind of loop the newest sign of life counts: those of processes that were replaced are history.

    A kind that gave none, because nobody ever started it, counts as one that does not run.
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
            raise ServiceWarning("No worker is running, so that uploads wait.")
        troubled = sorted(
            kind for kind, (state, _, _) in newest.items() if state != State.STOPPED and kind not in running
        )
        missing = sorted(needed_workers() - set(running) - set(troubled))
        words = [f"Not running: {', '.join(missing)}."] if missing else []
        if troubled:
            words += [f"No sign of life for {SILENT_AFTER.seconds} s, or failing: {', '.join(troubled)}."]
        if words:
            said = "; ".join(f"{kind}: {newest[kind][2]}" for kind in troubled if newest[kind][2])
            raise ServiceWarning(" ".join(words)) from (FailingError(said) if said else None)
        self.detail = f"Running: {', '.join(running)}."


@dataclass
class CamerasCheck(NamedCheck):
    """Counts `cameras`, and names none of them."""

    name: str = "cameras"
    cameras: QuerySet[Camera] = field(default_factory=Camera.objects.all, repr=False)

    def run(self) -> None:
        silent = self.cameras.filter(enabled=True, silent_since__isnull=False).count()
        if silent:
            words = (
                "camera is silent for longer than it should be" if silent == 1 else "cameras are silent for too long"
            )
            raise ServiceWarning(f"{silent} {words}.")
        self.detail = "None is silent for longer than it should be."


@dataclass
class DiskCheck(NamedCheck):
    name: str = "disk"
    free_share: float = DISK_FREE_SHARE
    free_bytes: int = DISK_FREE_BYTES

    def run(self) -> None:
        usage = disk_usage(settings.DATA_DIR)
        if usage is None:
            raise ServiceWarning("The data folder is not there or cannot be read.")
        total, free = usage
        share = free / total if total else 0.0
        self.detail = f"{free / 1024**3:.1f} GiB free, {share:.0%} of the data folder's disk."
        if disk_guard.is_disk_low():
            raise ServiceWarning(
                f"Intake pauses, new files wait in their folders: {self.detail} Free some room, or let retention"
                " remove more. Intake resumes by itself."
            )
        if share < self.free_share or free < self.free_bytes:
            raise ServiceWarning(f"Little room: {self.detail}")


def report(checks: list[NamedCheck], *, for_staff: bool) -> dict[str, Outcome]:
    """Run the checks one after the other; each has its say, by name."""
    return {check.name: outcome(check, for_staff=for_staff) for check in checks}


def outcome(check: NamedCheck, *, for_staff: bool) -> Outcome:
    try:
        check.run()
    except (DatabaseError, InterfaceError) as error:
        return _said(UNHEALTHY, "The database cannot be reached or is not up to date.", error, for_staff)
    except HealthCheckException as error:
        status: Status = DEGRADED if isinstance(error, ServiceWarning) else UNHEALTHY
        return _said(status, error.message, error.__cause__, for_staff)
    return {"status": HEALTHY, "detail": check.detail}


def _said(status: Status, detail: str, cause: BaseException | None, for_staff: bool) -> Outcome:
    """`cause` in its own words, for staff: a peer's, a library's or ours."""
    words = redact(one_line(str(cause), LONGEST_CAUSE)) if cause else ""
    kind = f"{type(cause).__name__}: " if isinstance(cause, (OSError, DatabaseError, HSIError)) else ""
    more = f" ({kind}{words or type(cause).__name__})" if for_staff and cause else ""
    return {"status": status, "detail": detail + more}


def overall(checks: dict[str, Outcome]) -> Status:
    """The worst of all."""
    states = {check["status"] for check in checks.values()}
    return UNHEALTHY if UNHEALTHY in states else DEGRADED if DEGRADED in states else HEALTHY
