"""Who may see a camera. This is the only module that decides it.

Administrators see every camera (`hsi/security/roles.py`), and so do programs with a key of API_KEYS. All other users
see the cameras granted to them or to one of their groups. Any other camera is a 404, so that its existence stays
unknown.
"""

from __future__ import annotations

from typing import TypeVar

from django.contrib.auth.models import Group
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from cameras.models import Camera, CameraGrant, CameraQuerySet
from hsi.outbox.messages import CameraId
from hsi.security.roles import Person, is_admin, is_service

M = TypeVar("M", bound=Model)


def visible_cameras(user: Person) -> CameraQuerySet:
    """Return the cameras that `user` may see."""
    if sees_all(user):
        return Camera.objects.all()
    return Camera.objects.filter(pk__in=_granted_ids(user))


def visible_camera_ids(user: Person) -> frozenset[CameraId] | None:
    """Return the ids of the cameras that `user` may see. None means all cameras, including future ones."""
    return None if sees_all(user) else frozenset(map(CameraId, _granted_ids(user)))


def only_visible(queryset: QuerySet[M], user: Person, field: str = "camera") -> QuerySet[M]:
    """Filter `queryset` to rows whose camera `user` may see. `field` leads to the camera. Makes no query itself."""
    if sees_all(user):
        return queryset
    # EXISTS instead of IN: the database can then read a list along its time index and stop at the end of the page.
    # With IN, SQLite would collect and sort all rows that the user may see.
    return queryset.filter(Exists(_grants(user).filter(camera=OuterRef(field))))


def sees_all(user: Person) -> bool:
    return is_admin(user) or is_service(user)


def _granted_ids(user: Person) -> QuerySet[CameraGrant, str]:
    return _grants(user).values_list("camera_id", flat=True)


def _grants(user: Person) -> QuerySet[CameraGrant]:
    if not user.is_active or user.pk is None:
        return CameraGrant.objects.none()
    groups = Group.objects.filter(user=user.pk)
    return CameraGrant.objects.filter(Q(user=user.pk) | Q(group__in=groups))
