"""System checks of the `ANALYZER` setting."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register

from events.analyzers import problems


@register()
def check_backend(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    hint = "Change ANALYZER and the settings it needs. `manage.py show_config` lists them."
    return [Error(problem, hint=hint, id="events.E001") for problem in problems()]
