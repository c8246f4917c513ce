"""Whether a channel takes what it is sent: its last tries, for the health report."""

from __future__ import annotations

from django.db.models import F

from events.models import NotificationChannel
from hsi.errors import HSIError

LONGEST_ERROR = 300


def failed(channel_id: int, error: HSIError) -> None:
    NotificationChannel.objects.filter(pk=channel_id).update(
        failures=F("failures") + 1, last_error=f"{error.code}: {error.detail}"[:LONGEST_ERROR]
    )


def worked(channel_id: int) -> None:
    """Writes nothing where it worked before."""
    NotificationChannel.objects.filter(pk=channel_id, failures__gt=0).update(failures=0, last_error="")
