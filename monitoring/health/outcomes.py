"""Health of the results: recent uploads, and recent notifications of each channel."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from health_check.exceptions import ServiceWarning

from cameras.models import Upload
from events.models import NotificationChannel
from hsi.db import clock
from monitoring.health.checks import NamedCheck

LOOKED_AT = 100  # the newest uploads
LOOKED_BACK = timedelta(hours=1)
REFUSED_AT_LEAST = 3
NAMED = 3
REFUSED = (Upload.State.REJECTED, Upload.State.DEAD)


class NotTakenError(Exception):
    """The refused files or notifications, for administrators."""


@dataclass
class Outcomes:
    """Results of the newest files of one camera."""

    ended: int = 0
    refused: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def is_bad(self) -> bool:
        return self.refused >= REFUSED_AT_LEAST and 2 * self.refused > self.ended


@dataclass
class UploadsCheck(NamedCheck):
    """Warns if most of the recent files of a camera were rejected or failed."""

    name: str = "uploads"

    def run(self) -> None:
        since = clock.now() - LOOKED_BACK
        newest = Upload.objects.order_by("-id").values_list("camera__name", "state", "reason", "received_at")[
            :LOOKED_AT
        ]
        cameras: dict[str, Outcomes] = {}
        for camera, state, reason, received_at in newest:
            if received_at >= since and state != Upload.State.WAITING:
                outcomes = cameras.setdefault(camera, Outcomes())
                outcomes.ended += 1
                if state in REFUSED:
                    outcomes.refused += 1
                    outcomes.reasons[reason] += 1
        if bad := {name: outcomes for name, outcomes in cameras.items() if outcomes.is_bad}:
            whose = "a camera" if len(bad) == 1 else f"{len(bad)} cameras"
            raise ServiceWarning(f"Most recent files of {whose} were rejected.") from _named(bad)
        self.detail = "Recent files were accepted." if cameras else "No file was processed within the last hour."


def _named(bad: dict[str, Outcomes]) -> NotTakenError:
    return NotTakenError(
        "; ".join(
            f"{name}: {outcomes.refused} of {outcomes.ended}, {outcomes.reasons.most_common(1)[0][0]}"
            for name, outcomes in sorted(bad.items())[:NAMED]
        )
    )


@dataclass
class NotificationsCheck(NamedCheck):
    """Warns if the last notification of a channel failed."""

    name: str = "notifications"

    def run(self) -> None:
        failing = list(NotificationChannel.objects.filter(enabled=True, failures__gt=0).order_by("pk")[: NAMED + 1])
        if failing:
            words = "; ".join(f"{one.name}: {one.last_error} ({one.failures} in a row)" for one in failing[:NAMED])
            channels = "A notification channel fails." if len(failing) == 1 else "Notification channels fail."
            raise ServiceWarning(channels) from NotTakenError(words)
        self.detail = "The last notification of each channel was sent."
