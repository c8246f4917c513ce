"""The checks that make up the health of the system, in the order in which they are shown."""

from __future__ import annotations

from django.conf import settings

from cameras.access import sees_all, visible_cameras
from cameras.models import Camera
from hsi.roles import Person
from monitoring import health
from monitoring.aihealth import BreakersCheck, service_checks
from monitoring.decoderhealth import decoder_check
from monitoring.folderhealth import folder_check
from monitoring.intakehealth import IntakeCheck
from monitoring.migrationhealth import MigrationCheck
from monitoring.outcomehealth import NotificationsCheck, UploadsCheck
from monitoring.redishealth import ChannelLayerCheck, RedisCheck


def all_checks(reader: Person | None = None) -> list[health.NamedCheck]:
    """What they say of cameras is of those that `reader` may see. None: of all."""
    services, folder, decoder = service_checks(), folder_check(), decoder_check()
    of_all = reader is None or sees_all(reader)
    cameras = Camera.objects.all() if reader is None else visible_cameras(reader)
    return [
        health.DatabaseCheck(),
        MigrationCheck(),
        health.QueuesCheck(is_counted=of_all),
        *([RedisCheck(), ChannelLayerCheck()] if settings.REDIS_URL else []),
        health.WorkersCheck(),
        folder,
        decoder,
        IntakeCheck(cameras=None if of_all else cameras),
        health.CamerasCheck(cameras=cameras),
        UploadsCheck(),
        health.DiskCheck(),
        *services,
        BreakersCheck(),
        NotificationsCheck(),
    ]
