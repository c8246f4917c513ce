"""System checks of the settings `ANALYZER` and `PROMPT_DIR`."""

from __future__ import annotations

from typing import Any

from django.core import checks
from django.core.checks import CheckMessage, Error, register

from events.analyzers import problems, prompt


@register()
def check_backend(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    hint = "Change ANALYZER and the settings it needs. `manage.py show_config` lists them."
    return [Error(problem, hint=hint, id="events.E001") for problem in problems()]


@register()
def check_prompt_files(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    hint = "Correct the file. Until then the built-in text is used."
    return [checks.Warning(problem, hint=hint, id="events.W001") for problem in prompt.problems()]
