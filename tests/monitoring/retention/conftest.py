from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def no_free_space_limit(settings: Any, data_dir: Path) -> None:
    """The free space of this machine has no influence. The limits by age keep their defaults."""
    settings.RETENTION_FREE_BYTES = settings.RETENTION_FREE_PERCENT = 0
