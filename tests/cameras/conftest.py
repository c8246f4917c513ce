"""Fixtures that several tests of cameras share."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from cameras.models import Camera
from tests import factories


@pytest.fixture
def root(data_dir: Path) -> Path:
    """The camera root of this test, an empty folder."""
    return data_dir / "cameras"


@pytest.fixture
def door(data_dir: Path) -> Camera:
    return factories.camera("door")


@pytest.fixture
def administrator(client: Client, data_dir: Path) -> Client:
    """A client that is signed in as an administrator."""
    client.force_login(factories.admin())
    return client
