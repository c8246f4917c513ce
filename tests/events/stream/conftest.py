"""A server of the stream, and users with different rights."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User

from cameras.models import Camera, CameraGrant
from tests.events.stream.streaming import StreamServer, token_of


@pytest.fixture
def server() -> Iterator[StreamServer]:
    server = StreamServer()
    yield server
    server.stop()


@pytest.fixture
def admin() -> User:
    return User.objects.create_superuser("admin")


@pytest.fixture
def token(admin: User) -> str:
    return token_of(admin)


@pytest.fixture
def viewer() -> User:
    """May see `front`, and not `back`."""
    user = User.objects.create_user("viewer")
    for name in ("front", "back"):
        Camera.objects.create(id=name, name=name, folder=name)
    CameraGrant.objects.create(camera_id="front", user=user)
    return user
