"""System checks of the configuration. Each hint says how to fix the problem."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

from hsi import live_settings, queues
from hsi.admin.base import ByPolicy, VisibleChoices
from hsi.config import private_files
from hsi.security import policy


@register(Tags.security, deploy=True)
def check_secrets(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if settings.DEBUG:
        return [checks.Warning("DEBUG is on.", hint="Unset DEBUG if other machines can reach the site.", id="hsi.W001")]
    return []


@register()
def check_data_dir(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    path: Path = settings.DATA_DIR
    if path.is_dir() and os.access(path, os.W_OK):
        return []
    hint = f"Make {path} a folder that this user may write to, or set HSI_DATA_DIR."
    return [Error("The data folder cannot be written to.", hint=hint, id="hsi.E001")]


@register()
def check_policies(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Check that every admin page follows the policy of its model, and that its filters offer visible rows only."""
    pages: list[Any] = [page for one in admin.site._registry.values() for page in (one, *one.inlines)]
    faults = {f"{name_of(page)} does not inherit hsi.admin.base.ByPolicy." for page in pages if not follows(page)}
    faults |= {f"{page.model.__name__} has no policy." for page in pages if not has_policy(page.model)}
    for page in admin.site._registry.values():
        faults |= {f"{name_of(page)} filters by {one!r} without VisibleChoices." for one in open_filters(page)}
    hint = "Register a policy in the policies.py of the app. See hsi/security/policy.py."
    return [Error(fault, hint=hint, id="hsi.E004") for fault in sorted(faults)]


def name_of(page: Any) -> str:
    return str((page if isinstance(page, type) else type(page)).__name__)


def follows(page: Any) -> bool:
    return issubclass(page if isinstance(page, type) else type(page), ByPolicy)


def has_policy(model: type) -> bool:
    try:
        policy.policy_for(model)
    except policy.NoPolicyError:
        return False
    return True


def open_filters(page: Any) -> list[Any]:
    """Return the list filters that would offer every row of another model."""
    relations = {one.name for one in page.opts.get_fields() if one.is_relation}
    named = [(one, None) if isinstance(one, str) else one for one in page.list_filter if not isinstance(one, type)]
    return [name for name, kind in named if name in relations and not issubclass(kind or object, VisibleChoices)]


@register()
def check_private(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Check the mode and the owner of the files that hold secrets."""
    files = [settings.DATA_DIR, settings.DATA_DIR / "secret_key", *private_files.database_files()]
    found: list[CheckMessage] = []
    for path in dict.fromkeys(files):
        try:
            status = path.lstat()
        except OSError:
            continue
        if status.st_mode & private_files.OTHERS & ~private_files.may_have(path):
            hint = f"Run `chmod go= {path}`, or start `up` as the owner of the file, which fixes the mode."
            found.append(
                checks.Warning(f"{path} is accessible to other users of this machine.", hint=hint, id="hsi.W020")
            )
        if status.st_uid != os.geteuid():
            hint = f"Run as the owner of the file, or change its owner: `chown {os.geteuid()} {path}`."
            found.append(checks.Warning(f"{path} belongs to another user.", hint=hint, id="hsi.W021"))
    return found


@register()
def check_queue(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    chosen = queues.backends.chosen()
    if chosen == "redis" and not settings.REDIS_URL:
        hint = "Set REDIS_URL, for example to redis://localhost:6379/0, or set QUEUE to auto."
        return [Error("QUEUE is redis, but REDIS_URL is not set.", hint=hint, id="hsi.E003")]
    try:
        queues.backends.load(chosen)
    except ImportError as error:
        hint = "Set QUEUE to auto, database, redis, or the dotted path of a queue class."
        return [Error(f"QUEUE cannot be loaded: {error}", hint=hint, id="hsi.E002")]
    return []


@register()
def check_live_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Report ignored live settings that this process has already read. Query no database."""
    return [
        checks.Warning(
            f"The live value of {name} is ignored: {fault}.",
            hint="Set or reset the value on the configuration page.",
            id="hsi.W002",
        )
        for name, fault in live_settings.ignored().items()
    ]


@register()
def check_names(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Report unused settings, one line each. There is no hint, because every start prints these lines."""
    return [checks.Warning(line, id="hsi.W003") for line in settings.CONFIGURATION.unused_lines()]


@register()
def check_forms(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return [checks.Info(line, id="hsi.I001") for line in settings.CONFIGURATION.remarks]
