"""System checks: what is wrong with the way this system is set up, and what to do about it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

from hsi import livesettings, private, queues


@register(Tags.security, deploy=True)
def check_secrets(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if settings.DEBUG:
        return [checks.Warning("DEBUG is on.", hint="Unset DEBUG where others can reach the site.", id="hsi.W001")]
    return []


@register()
def check_data_dir(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    path: Path = settings.DATA_DIR
    if path.is_dir() and os.access(path, os.W_OK):
        return []
    hint = f"Make {path} a folder this user may write to, or set HSI_DATA_DIR."
    return [Error("The data folder cannot be written to.", hint=hint, id="hsi.E001")]


@register()
def check_private(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Of the files that hold secrets: who else may open them, and whether they are ours at all."""
    files = [settings.DATA_DIR, settings.DATA_DIR / "secret_key", *private.database_files()]
    found: list[CheckMessage] = []
    for path in dict.fromkeys(files):
        try:
            status = path.lstat()
        except OSError:
            continue
        if status.st_mode & private.OTHERS & ~private.may_have(path):
            hint = f"Run `chmod go= {path}`, or start `up` as its owner: it does that."
            found.append(checks.Warning(f"{path} is open to other users of this machine.", hint=hint, id="hsi.W020"))
        if status.st_uid != os.geteuid():
            hint = f"Run as the user that it belongs to, or give it to this one: `chown {os.geteuid()} {path}`."
            found.append(checks.Warning(f"{path} belongs to another user.", hint=hint, id="hsi.W021"))
    return found


@register()
def check_queue(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    chosen = queues.backends.chosen()
    if chosen == "redis" and not settings.REDIS_URL:
        hint = "Set REDIS_URL, for example to redis://localhost:6379/0, or QUEUE to auto."
        return [Error("QUEUE is redis, but REDIS_URL is not set.", hint=hint, id="hsi.E003")]
    try:
        queues.backends.load(chosen)
    except ImportError as error:
        hint = "Set QUEUE to auto, database, redis, or the dotted path of a queue class."
        return [Error(f"QUEUE cannot be loaded: {error}", hint=hint, id="hsi.E002")]
    return []


@register()
def check_live_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Of what this process has read last: it asks no database."""
    return [
        checks.Warning(
            f"The value of {name} that was set while running is ignored: {fault}.",
            hint="Set it anew, or let it be what the environment says, on the configuration page.",
            id="hsi.W002",
        )
        for name, fault in livesettings.ignored().items()
    ]
