from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from tests import factories


@pytest.fixture
def boss(client: Client, data_dir: Path) -> Client:
    """A client that is signed in as an administrator."""
    client.force_login(factories.admin("boss"))
    return client
