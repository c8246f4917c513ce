"""The three roles, which are Django groups of these names.

A viewer sees the granted cameras. An operator also reviews events, acknowledges alerts and retries uploads. An admin
may do everything, like a superuser. A user in none of the groups is a viewer. `cameras/access.py` decides which cameras
a user sees, and the `policies.py` of the apps decide what a role may do with the rows of a model.
"""

from __future__ import annotations

from enum import IntEnum

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, Group, User
from django.db import transaction
from django.db.models import Case, IntegerField, OuterRef, Subquery, When

from hsi import audit

Person = AbstractBaseUser | AnonymousUser
# The user of the keys in API_KEYS. It has no password, so it cannot sign in.
SERVICE = "api-key"
# The attribute of a user that caches the role from the database.
KNOWN = "hsi_role"


class Role(IntEnum):
    """The roles in rising order; a higher role includes the lower ones. The group name is the role in lower case."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def group(self) -> str:
        return self.name.lower()


def role_of(user: Person) -> Role | None:
    """Return the highest role of `user`, or None without a login or for a deactivated user."""
    if not user.is_active or not isinstance(user, User):
        return None
    if user.is_superuser:
        return Role.ADMIN
    if not hasattr(user, KNOWN):
        setattr(user, KNOWN, User.objects.filter(pk=user.pk).values_list(highest(), flat=True).first())
    return Role(getattr(user, KNOWN) or Role.VIEWER)


def highest(user: str = "pk") -> Subquery:
    """Return the expression for the highest role of the groups of a user, NULL for none. `user` refers to the user id.

    A query that loads a user includes it and stores it as `KNOWN`.
    """
    rank = Case(*(When(name=role.group, then=role.value) for role in Role), output_field=IntegerField())
    groups = Group.objects.filter(user=OuterRef(user), name__in=[role.group for role in Role])
    return Subquery(groups.annotate(rank=rank).order_by("-rank").values("rank")[:1])


def has_role(user: Person, needed: Role) -> bool:
    role = role_of(user)
    return role is not None and role >= needed


def is_admin(user: Person) -> bool:
    return has_role(user, Role.ADMIN)


def is_service(user: Person) -> bool:
    """Return whether `user` is the user of the keys in API_KEYS: by name, and without a usable password."""
    return isinstance(user, User) and user.username == SERVICE and user.is_active and not user.has_usable_password()


def set_role(user: User, role: Role) -> None:
    """Give `user` this role and remove the others. Only an admin may open the admin pages."""
    before = role_of(user)
    with transaction.atomic():
        user.groups.remove(*Group.objects.filter(name__in=[one.group for one in Role if one != role]))
        user.groups.add(Group.objects.get_or_create(name=role.group)[0])
        user.is_staff = user.is_superuser or role == Role.ADMIN
        user.save(update_fields=["is_staff"])
        words = {"role": before.group if before else None}
        audit.record("role_given", f"user {user.get_username()}", before=words, after={"role": role.group})
    setattr(user, KNOWN, role)
