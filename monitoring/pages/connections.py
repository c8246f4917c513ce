"""Connection tests: whether each peer responds now, and how long it takes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from health_check.exceptions import ServiceWarning

from detection.detectors import condition, get_detector
from events.analyzers import get_analyzer
from events.notifications import email
from events.notifications.channels import NotSentError
from monitoring.health import checks
from monitoring.health.ai_services import ServiceCheck
from monitoring.health.checks import CachedProbe
from monitoring.health.folders import folder_check
from monitoring.health.redis import RedisCheck
from monitoring.pages.formatting import duration
from monitoring.pages.status import TONES

# Results are not kept, because a test must show the current state.
_detector, _analyzer, _folder = CachedProbe[str](0.0), CachedProbe[str](0.0), CachedProbe[None](0.0)


@dataclass(frozen=True, slots=True)
class Trial:
    tone: str
    words: str
    took: str


class DataFolderCheck(checks.NamedCheck):
    """Writes and removes a file."""

    def run(self) -> None:
        try:
            with tempfile.TemporaryFile(dir=settings.DATA_DIR) as file:
                file.write(b"x")
        except OSError as error:
            raise ServiceWarning("The data folder is not writable.") from error
        self.detail = "Writable."


class MailCheck(checks.NamedCheck):
    """Connects to the mail server and signs in. Sends nothing."""

    def run(self) -> None:
        try:
            email.try_server()
        except NotSentError as error:
            raise ServiceWarning(str(error)) from error
        self.detail = f"{settings.SMTP_HOST} responds" + (" and accepts the login." if settings.SMTP_USER else ".")


def detector() -> checks.NamedCheck:
    answer = _detector.start(lambda: condition(get_detector()), None)
    return ServiceCheck("detector", what="The detector", answer=answer)


def analyzer() -> checks.NamedCheck:
    answer = _analyzer.start(lambda: get_analyzer().check(), None)
    return ServiceCheck("analyzer", what="The analyser", answer=answer)


def redis() -> checks.NamedCheck:
    return RedisCheck()


Check = Callable[[], checks.NamedCheck]
CONNECTIONS: dict[str, tuple[str, Check]] = {
    "database": ("Database", checks.DatabaseCheck),
    "redis": ("Redis", redis),
    "detector": ("Detector", detector),
    "analyzer": ("Language model or rules", analyzer),
    "mail": ("Mail server", MailCheck),
    "camera_folder": ("Camera folder", lambda: folder_check(_folder)),
    "data_folder": ("Data folder", DataFolderCheck),
}


def offered() -> dict[str, str]:
    """Return the available tests: display name by key."""
    used = {"redis": bool(settings.REDIS_URL), "mail": bool(settings.SMTP_HOST)}
    return {name: what for name, (what, _) in CONNECTIONS.items() if used.get(name, True)}


def try_out(name: str) -> dict[str, Trial]:
    """Run one test, or all of them."""
    names = [name] if name in offered() else list(offered())
    return {one: trial(CONNECTIONS[one][1]) for one in names}


def trial(check: Check) -> Trial:
    began = time.perf_counter()
    outcome = checks.outcome(check(), for_staff=True)
    return Trial(TONES[outcome["status"]], outcome["detail"], duration(time.perf_counter() - began))
