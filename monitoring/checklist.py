"""The checks that make up the health of the system, in the order in which they are shown."""

from __future__ import annotations

from django.conf import settings

from monitoring import health
from monitoring.aihealth import BreakersCheck, service_checks
from monitoring.folderhealth import folder_check
from monitoring.migrationhealth import MigrationCheck
from monitoring.outcomehealth import NotificationsCheck, UploadsCheck
from monitoring.redishealth import ChannelLayerCheck, RedisCheck


def all_checks() -> list[health.NamedCheck]:
    services, folder = service_checks(), folder_check()
    return [
        health.DatabaseCheck(),
        MigrationCheck(),
        health.QueuesCheck(),
        *([RedisCheck(), ChannelLayerCheck()] if settings.REDIS_URL else []),
        health.WorkersCheck(),
        folder,
        health.CamerasCheck(),
        UploadsCheck(),
        health.DiskCheck(),
        *services,
        BreakersCheck(),
        NotificationsCheck(),
    ]
