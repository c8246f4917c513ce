"""Giving and taking the right to see a camera, for the commands that do so."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, User
from django.core.management.base import CommandError, CommandParser

from cameras.models import Camera


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("user", help="Name of the user, or of the group with --group.")
    parser.add_argument("camera", help="Id of the camera.")
    parser.add_argument("--group", action="store_true", help="Grant to a group instead of a user.")


def named(options: dict[str, Any]) -> tuple[User | Group, Camera]:
    """The two that are named. Raises CommandError that says which names there are."""
    holder = _group(options["user"]) if options["group"] else _user(options["user"])
    camera = Camera.objects.filter(pk=options["camera"]).first()
    if camera is None:
        raise CommandError(f"There is no camera {options['camera']!r}. There are: {_listed(Camera, 'pk')}.")
    return holder, camera


def _user(name: str) -> User:
    user = User.objects.filter(username=name).first()
    if user is None:
        raise CommandError(f"There is no user {name!r}. There are: {_listed(User, 'username')}.")
    return user


def _group(name: str) -> Group:
    group = Group.objects.filter(name=name).first()
    if group is None:
        raise CommandError(f"There is no group {name!r}. There are: {_listed(Group, 'name')}.")
    return group


def holder_fields(holder: User | Group) -> dict[str, Any]:
    """What a grant of this holder has in its row."""
    return {"group" if isinstance(holder, Group) else "user": holder}


def holder_words(holder: User | Group) -> dict[str, str]:
    """What the audit log says of this holder."""
    return {name: str(one) for name, one in holder_fields(holder).items()}


def _listed(model: type[User] | type[Group] | type[Camera], field: str) -> str:
    return ", ".join(model._default_manager.order_by(field).values_list(field, flat=True)) or "none yet"
