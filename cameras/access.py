"""Who may see a camera, decided here and nowhere else.

Administrators see every camera (`hsi/security/roles.py` says who they are), and so do the programs that come with a
key of API_KEYS. Everybody else sees those granted to them or to one of their groups. What a user may not see answers
404: that it exists is told to nobody.
"""

from __future__ import annotations

from typing import TypeVar

from django.contrib.auth.models import Group
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from cameras.models import Camera, CameraGrant, CameraQuerySet
from hsi.security.roles import Person, is_admin, is_service

M = TypeVar("M", bound=Model)


def visible_cameras(user: Person) -> CameraQuerySet:
    """The cameras that `user` may see."""
    if sees_all(user):
        return Camera.objects.all()
    return Camera.objects.filter(pk__in=_granted(user))


def visible_camera_ids(user: Person) -> frozenset[str] | None:
    """The ids of the cameras that `user` may see; None stands for all, whatever cameras may come."""
    return None if sees_all(user) else frozenset(_granted(user))


def only_visible(queryset: QuerySet[M], user: Person, field: str = "camera") -> QuerySet[M]:
    """`queryset` without the rows whose camera (`field` leads to it) `user` may not see. Asks nothing by itself."""
    if sees_all(user):
        return queryset
    # EXISTS, not IN: a list is then read along its time index and ends with the page, where SQLite
    # would collect and sort all that the user may see.
    return queryset.filter(Exists(_grants(user).filter(camera=OuterRef(field))))


def sees_all(user: Person) -> bool:
    return is_admin(user) or is_service(user)


def _granted(user: Person) -> QuerySet[CameraGrant, str]:
    return _grants(user).values_list("camera_id", flat=True)


def _grants(user: Person) -> QuerySet[CameraGrant]:
    if not user.is_active or user.pk is None:
        return CameraGrant.objects.none()
    groups = Group.objects.filter(user=user.pk)
    return CameraGrant.objects.filter(Q(user=user.pk) | Q(group__in=groups))
