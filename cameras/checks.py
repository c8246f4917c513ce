"""System checks of what this machine offers to the process that decodes."""

from __future__ import annotations

from typing import Any

from django.core import checks
from django.core.checks import CheckMessage, register

from cameras.media import sandbox


@register()
def check_walls(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Asks the kernel and starts nothing. What stands at the end is in the log of whoever starts a decoder."""
    if sandbox.landlock_version() or sandbox.becomes_nobody():
        return []
    return [
        checks.Warning(
            "The decoder of camera files is not isolated from the data folder: this kernel has no Landlock, "
            "or Landlock is disabled.",
            hint="Use Linux 5.13 or newer and enable Landlock in the list of security modules (`lsm=`).",
            id="cameras.W001",
        )
    ]
