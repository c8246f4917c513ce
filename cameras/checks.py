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
            "What decodes the cameras' files could read the data folder, were it taken over by a file: this kernel "
            "has no Landlock, or has it switched off.",
            hint="Use a Linux kernel of 5.13 or newer with Landlock among its security modules (`lsm=`).",
            id="cameras.W001",
        )
    ]
