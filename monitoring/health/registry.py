"""The list of all health checks, in display order."""

from __future__ import annotations

from django.conf import settings

from cameras.access import sees_all, visible_cameras
from cameras.models import Camera
from hsi.security.roles import Person
from monitoring.health import checks
from monitoring.health.ai_services import BreakersCheck, service_checks
from monitoring.health.decoder import decoder_check
from monitoring.health.folders import folder_check
from monitoring.health.intake import IntakeCheck
from monitoring.health.outcomes import NotificationsCheck, UploadsCheck
from monitoring.health.redis import ChannelLayerCheck, RedisCheck
from monitoring.health.schema_version import MigrationCheck


def all_checks(reader: Person | None = None) -> list[checks.NamedCheck]:
    """Return all checks. Checks of cameras cover the cameras that `reader` may see (None: all cameras)."""
    services, folder, decoder = service_checks(), folder_check(), decoder_check()
    of_all = reader is None or sees_all(reader)
    cameras = Camera.objects.all() if reader is None else visible_cameras(reader)
    return [
        checks.DatabaseCheck(),
        MigrationCheck(),
        checks.QueuesCheck(is_counted=of_all),
        *([RedisCheck(), ChannelLayerCheck()] if settings.REDIS_URL else []),
        checks.WorkersCheck(),
        folder,
        decoder,
        IntakeCheck(cameras=None if of_all else cameras),
        checks.CamerasCheck(cameras=cameras),
        UploadsCheck(),
        checks.DiskCheck(),
        *services,
        BreakersCheck(),
        NotificationsCheck(),
    ]
