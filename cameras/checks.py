"""System checks: whether this machine can restrict the decoder process."""

from __future__ import annotations

from typing import Any

from django.core import checks
from django.core.checks import CheckMessage, register

from cameras.media import sandbox


@register()
def check_decoder_restrictions(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Query the kernel without starting a process. The log of a started decoder shows the actual restrictions."""
    if sandbox.landlock_version() or sandbox.can_drop_privileges():
        return []
    return [
        checks.Warning(
            "The decoder of camera files is not isolated from the data folder: this kernel has no Landlock, "
            "or Landlock is disabled.",
            hint="Use Linux 5.13 or newer and enable Landlock in the list of security modules (`lsm=`).",
            id="cameras.W001",
        )
    ]
