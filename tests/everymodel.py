"""Rows of every model that the admin shows."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from cameras.models import CameraGrant, Garbage, IntakeProblem
from detection.models import Scene
from events.models import LanguageModelServer, RejectedAnswer
from hsi.models import (
    AuditEntry,
    CircuitBreaker,
    DeadLetter,
    LiveSetting,
    LoginFailure,
    QueueJob,
    QueuePause,
    StreamMessage,
    WorkerHeartbeat,
)
from hsi.security.lockout import hashed
from monitoring.models import GpuSample, JobRun, LogEntry, StorageSample
from tests import factories


def fill(number: int) -> None:
    """`number` rows of every model."""
    now = timezone.now()
    owner = User.objects.first() or factories.admin()
    for one in range(number):
        camera = factories.camera()
        CameraGrant.objects.create(camera=camera, user=factories.user())
        factories.zone(camera)
        factories.static_object(camera)
        Scene.objects.create(camera=camera, pictures=20, last_picture_at=now)
        event = factories.event(camera)
        factories.detection(factories.upload(camera), event.batches.get())
        factories.track(event)
        factories.habit(event)
        job = QueueJob.objects.create(queue="detection_queue", row_id=event.pk, enqueued_at=1.8e9, due_at=1.8e9 + 60)
        times = {"first_failed_at": now, "last_failed_at": now}
        DeadLetter.objects.create(queue=job.queue, row_id=event.pk, reason="attempts", error_type="E", **times)
        beat: dict[str, Any] = {"started_at": now, "beat_at": now, "progressed_at": now}
        WorkerHeartbeat.objects.create(name=f"w{job.pk}", kind="detection", host="h", pid=1, **beat)
        factories.token(owner)
        LoginFailure.objects.create(username_hash=hashed("boss"), address="192.0.2.1", created_at=now)
        channel = factories.channel()
        factories.delivery(factories.alert(event, rule=factories.rule(channel)), channel)
        Garbage.objects.create(root=Garbage.Root.DATA, path=f"thumbnails/{job.pk}.jpg")
        IntakeProblem.objects.create(folder=f"folder{job.pk}", kind="unknown", count=1, since=now)
        CircuitBreaker.objects.create(name=f"service{job.pk}")
        LanguageModelServer.objects.create(name=f"server{job.pk}", api="openai")
        RejectedAnswer.objects.create(kind="denial", reason="the answer denies what was detected", camera_id=camera.pk)
        AuditEntry.objects.create(user="ann", action="event_reviewed", object=f"event {event.pk}")
        QueuePause.objects.create(queue=f"queue{job.pk}", paused_by="ann")
        LiveSetting.objects.create(name=f"NAME_{job.pk}", value="1", changed_by="ann")
        LogEntry.objects.create(created_at=now, level=20, component="cameras.intake.accept", message="taken in")
        JobRun.objects.create(name="prune", started_at=now)
        GpuSample.objects.create(recorded_at=now, host="h", gpu=0, name="a card")
        StorageSample.objects.create(recorded_at=now, originals_bytes=1, quarantine_bytes=0)
        StreamMessage.objects.create(seq=job.pk * 100 + one, type="event.created", data={}, created_at=now)
