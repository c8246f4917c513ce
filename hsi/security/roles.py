"""Who may do what, decided here: three roles, which are Django groups of these names.

A viewer looks at the cameras that were granted. An operator also reviews, acknowledges and tries again. An admin may do
everything, as a superuser may. A user in none of the groups is a viewer: more must be given. Which cameras somebody
sees is decided in `cameras/access.py`, and what a role may do with the rows of a model in the apps' `policies.py`.
"""

from __future__ import annotations

from enum import IntEnum

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, Group, User
from django.db import transaction
from django.db.models import Case, IntegerField, OuterRef, Subquery, When

from hsi import audit

Person = AbstractBaseUser | AnonymousUser
# Whom the keys of API_KEYS act as. Nobody signs in as this user: it has no password.
SERVICE = "api-key"
# The attribute of a user that keeps what the database said of the groups.
KNOWN = "hsi_role"


class Role(IntEnum):
    """What is more may do what is less. The group's name is the role's in lower case."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def group(self) -> str:
        return self.name.lower()


def role_of(user: Person) -> Role | None:
    """The highest role of `user`; None for who is not signed in or deactivated."""
    if not user.is_active or not isinstance(user, User):
        return None
    if user.is_superuser:
        return Role.ADMIN
    if not hasattr(user, KNOWN):
        setattr(user, KNOWN, User.objects.filter(pk=user.pk).values_list(highest(), flat=True).first())
    return Role(getattr(user, KNOWN) or Role.VIEWER)


def highest(user: str = "pk") -> Subquery:
    """The highest role that the groups of a user give, NULL where none does. `user` leads to the user's id.

    Who loads a user anyway asks for it in the same statement, and keeps it as `KNOWN`.
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
    """Whether `user` is whom the keys of API_KEYS act as: of that name, and without a password to sign in with."""
    return isinstance(user, User) and user.username == SERVICE and user.is_active and not user.has_usable_password()


def set_role(user: User, role: Role) -> None:
    """Give `user` this role and no other. Only an admin may enter the admin pages."""
    before = role_of(user)
    with transaction.atomic():
        user.groups.remove(*Group.objects.filter(name__in=[one.group for one in Role if one != role]))
        user.groups.add(Group.objects.get_or_create(name=role.group)[0])
        user.is_staff = user.is_superuser or role == Role.ADMIN
        user.save(update_fields=["is_staff"])
        words = {"role": before.group if before else None}
        audit.record("role_given", f"user {user.get_username()}", before=words, after={"role": role.group})
    setattr(user, KNOWN, role)
