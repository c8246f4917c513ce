"""Arguments and messages of the commands `grant_camera` and `revoke_camera`."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, User
from django.core.management.base import CommandError, CommandParser

from cameras.models import Camera


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("user", help="Name of the user, or of the group with --group.")
    parser.add_argument("camera", help="Id of the camera.")
    parser.add_argument("--group", action="store_true", help="Grant to a group instead of a user.")


def get_holder_and_camera(options: dict[str, Any]) -> tuple[User | Group, Camera]:
    """Return the user or group and the camera. Raise `CommandError` that lists the valid names."""
    holder = _get_group(options["user"]) if options["group"] else _get_user(options["user"])
    camera = Camera.objects.filter(pk=options["camera"]).first()
    if camera is None:
        raise CommandError(f"There is no camera {options['camera']!r}. There are: {_list_names(Camera, 'pk')}.")
    return holder, camera


def _get_user(name: str) -> User:
    user = User.objects.filter(username=name).first()
    if user is None:
        raise CommandError(f"There is no user {name!r}. There are: {_list_names(User, 'username')}.")
    return user


def _get_group(name: str) -> Group:
    group = Group.objects.filter(name=name).first()
    if group is None:
        raise CommandError(f"There is no group {name!r}. There are: {_list_names(Group, 'name')}.")
    return group


def holder_fields(holder: User | Group) -> dict[str, Any]:
    """Return the columns of a `CameraGrant` for this user or group."""
    return {"group" if isinstance(holder, Group) else "user": holder}


def audit_values(holder: User | Group) -> dict[str, str]:
    """Return the user or group for the audit log."""
    return {field: str(value) for field, value in holder_fields(holder).items()}


def _list_names(model: type[User] | type[Group] | type[Camera], field: str) -> str:
    return ", ".join(model._default_manager.order_by(field).values_list(field, flat=True)) or "none yet"
