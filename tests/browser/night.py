"""A night with everything that can be seen of one: rows of a system in trouble, with pictures."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from cameras.models import Camera, Upload
from detection.models import Batch
from hsi.metrics import histograms
from hsi.models import AuditEntry, CircuitBreaker, DeadLetter, LatencyBucket, QueueJob, QueuePause, WorkerHeartbeat
from monitoring.models import GpuSample, JobRun, LogEntry, StorageSample
from tests import factories, pictures

STACK = 'Traceback (most recent call last):\n  File "detection/pipeline.py", line 61, in detect\n' + "x" * 300
ERROR = "rtdetr did not answer within 60 s"


def trouble(owner: User, now: datetime | None = None) -> None:
    """A dead detector, letters of two causes, a paused queue, a failed job, a worker that fell silent."""
    now = now or timezone.now()
    door, yard = factories.camera("door", name="Front door"), factories.camera("yard", enabled=False)
    factories.camera("roof", name="Roof, which has never sent a picture and has a long name")
    upload = seen(door, now)
    seen(yard, now - timedelta(hours=3))
    letters(door, now)
    log(upload, now)
    machinery(now)
    figures(now)
    factories.token(owner)
    AuditEntry.objects.create(user=owner.username, action="tried_again", object=f"upload {upload.pk}")


def seen(of: Camera, at: datetime) -> Upload:
    upload = picture(of, at)
    batch = factories.batch(of, started_at=at, ended_at=at)
    factories.detection(upload, batch)
    factories.event(of, batch=batch, started_at=at)
    factories.batch(of, state=Batch.State.OPEN, started_at=at, opened_at=at)
    return upload


def picture(of: Camera, at: datetime, **values: Any) -> Upload:
    name = f"picture{Upload.objects.count()}.jpg"
    return pictures.stored(pictures.jpeg(), name, of, captured_at=at, received_at=at, **values)


def letters(of: Camera, now: datetime) -> None:
    for number in range(12):
        at = now - timedelta(minutes=30 - number)
        upload = picture(of, at, state=Upload.State.DEAD)
        failures = [{"at": at.isoformat(), "error": "AIServiceError", "text": ERROR, "http_status": 504}]
        facts: dict[str, Any] = {"error_type": "AIServiceError", "error_text": ERROR, "reason": "attempts"}
        factories.dead_letter(
            upload, **facts, attempts=5, stack=STACK, response_body="<html>504</html>", failures=failures,
            http_status=504, payload={"row_id": upload.pk, "trace": "abc"}, first_failed_at=at, last_failed_at=at,
        )  # fmt: skip
    batch = factories.batch(of, state=Batch.State.DEAD)
    factories.dead_letter(
        picture(of, now),
        queue="analysis_queue",
        row_id=batch.pk,
        error_type="AIServiceRejectedError",
        last_failed_at=now,
    )
    old = factories.dead_letter(picture(of, now, state=Upload.State.DEAD), last_failed_at=now)
    DeadLetter.objects.filter(pk=old.pk).update(state="discarded", resolved_at=now, resolved_by="ann")


def log(upload: Upload, now: datetime) -> None:
    for number in range(30):
        level = LogEntry.Level.ERROR if number % 10 == 0 else LogEntry.Level.INFO
        LogEntry.objects.create(
            created_at=now - timedelta(seconds=number * 20), level=level, component="detection.pipeline",
            message=f"detection_queue: row {upload.pk}, attempt {number} failed: {ERROR} " + "_" * 100,
            stack=STACK if number == 0 else "", request_id="req-1", camera=upload.camera_id, upload=upload.pk,
            queue="detection_queue",
        )  # fmt: skip


def machinery(now: datetime) -> None:
    beat: dict[str, Any] = {"host": "house", "pid": 7, "started_at": now, "progressed_at": now}
    for kind in ("watcher", "detection", "batch-closer", "fast-path", "analysis", "housekeeping"):
        WorkerHeartbeat.objects.create(name=f"{kind}@house:7", kind=kind, beat_at=now, jobs_done=1234, **beat)
    silent = now - timedelta(minutes=20)
    WorkerHeartbeat.objects.create(name="enrichment@attic:9", kind="enrichment", beat_at=silent, **beat)
    failed: dict[str, Any] = {"failures": 7, "last_error": ERROR, "last_failed_at": now}
    retry = {"retry_at": now + timedelta(seconds=30), "changed_at": now}
    CircuitBreaker.objects.create(name="rtdetr", state="open", **failed, **retry)
    QueuePause.objects.create(queue="analysis_queue", paused_by="ann")
    for number in range(5):
        at = now.timestamp() - 900
        QueueJob.objects.create(queue="detection_queue", row_id=10_000 + number, enqueued_at=at, due_at=at)
    JobRun.objects.create(name="orphans", started_at=now, ended_at=now, outcome="failed", error="OSError: it is gone")


def figures(now: datetime) -> None:
    """An hour of work that became slow, a disk that fills up, a busy graphics card."""
    minute = now.replace(second=0, microsecond=0)
    for ago in range(60):
        for stage in histograms.STAGES:
            bucket, count = (11, 2) if ago < 15 else (6, 6 + ago % 5)
            LatencyBucket.objects.create(
                name=histograms.STAGE, label=stage, minute=minute - timedelta(minutes=ago), bucket=bucket, count=count,
                seconds=count * 0.4, longest=histograms.BOUNDS[bucket] * 0.9,
            )  # fmt: skip
    for name, count in ((histograms.AI_REQUEST, 40), (histograms.AI_FAILURE, 12)):
        LatencyBucket.objects.create(
            name=name, label="rtdetr", minute=minute, bucket=11, count=count, seconds=40, longest=60
        )
    for days, free in ((3, 62), (0, 50)):
        StorageSample.objects.create(
            recorded_at=now - timedelta(days=days), total_bytes=250 * 1024**3, free_bytes=free * 1024**3,
            originals_bytes=90 * 1024**3, quarantine_bytes=5, database_bytes=1024**3,
        )  # fmt: skip
    card: dict[str, Any] = {"utilization_percent": 87, "temperature_celsius": 71, "power_watts": 212.0}
    memory = {"memory_used_bytes": 11 * 1024**3, "memory_total_bytes": 12 * 1024**3}
    GpuSample.objects.create(recorded_at=now, host="house", gpu=0, name="NVIDIA RTX 3060", **card, **memory)
