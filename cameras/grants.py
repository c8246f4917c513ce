"""Giving and taking the right to see a camera, for the commands that do so."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser

from cameras.models import Camera


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("user")
    parser.add_argument("camera", help="The camera's id.")


def named(username: str, camera_id: str) -> tuple[User, Camera]:
    """The two of these names. Raises CommandError that says which names there are."""
    user = User.objects.filter(username=username).first()
    if user is None:
        raise CommandError(f"There is no user {username!r}. There are: {_listed(User, 'username')}.")
    camera = Camera.objects.filter(pk=camera_id).first()
    if camera is None:
        raise CommandError(f"There is no camera {camera_id!r}. There are: {_listed(Camera, 'pk')}.")
    return user, camera


def _listed(model: type[User] | type[Camera], field: str) -> str:
    return ", ".join(model._default_manager.order_by(field).values_list(field, flat=True)) or "none yet"
