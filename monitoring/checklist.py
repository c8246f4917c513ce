"""The checks that make up the health of the system, in the order in which they are shown."""

from __future__ import annotations

from django.conf import settings

from monitoring import health
from monitoring.aihealth import BreakersCheck, service_checks
from monitoring.intakehealth import IntakeCheck
from monitoring.redishealth import ChannelLayerCheck, RedisCheck


def all_checks() -> list[health.NamedCheck]:
    services = service_checks()
    return [
        health.DatabaseCheck(),
        health.QueuesCheck(),
        *([RedisCheck(), ChannelLayerCheck()] if settings.REDIS_URL else []),
        health.WorkersCheck(),
        health.CameraFolderCheck(),
        IntakeCheck(),
        health.CamerasCheck(),
        health.DiskCheck(),
        *services,
        BreakersCheck(),
    ]
