"""Who may view, add, change and delete the rows of a model, and which rows: one policy for the API and the admin alike.

Each app registers the policies of its models in its `policies.py`. What is no row of a model, such as how the system is
as a whole, is named by a class that stands for it. Without a policy nothing is allowed: `of` raises, and a check stops
the start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from django.db.models import Model, QuerySet
from django.utils.module_loading import autodiscover_modules

from hsi.security.roles import Person, Role, has_role

M = TypeVar("M", bound=Model)
# What can be done to rows. Whatever a button or an action does to a row is a change of it.
Act = Literal["view", "add", "change", "delete"]
Rows = Callable[[QuerySet[Any], Person], QuerySet[Any]]


def every_row(rows: QuerySet[M], user: Person) -> QuerySet[M]:
    return rows


@dataclass(frozen=True, slots=True)
class Policy:
    """The role that each act needs, and `rows`: those of a queryset that a user may see.

    `scopes` names what a token needs for an act where it is not the usual: `admin` for what takes an administrator,
    else `read` to view and `write` for the rest.
    """

    view: Role = Role.ADMIN
    add: Role = Role.ADMIN
    change: Role = Role.ADMIN
    delete: Role = Role.ADMIN
    rows: Rows = every_row
    scopes: Mapping[Act, str] = field(default_factory=dict)

    def role(self, act: Act) -> Role:
        needed: Role = getattr(self, act)
        return needed

    def scope(self, act: Act) -> str:
        usual = "admin" if self.role(act) == Role.ADMIN else "read" if act == "view" else "write"
        return self.scopes.get(act, usual)


class NoPolicyError(LookupError):
    """No policy is registered for this class."""


_policies: dict[type, Policy] = {}


def register(policy: Policy, *subjects: type) -> None:
    """Let `policy` hold for `subjects`: models, or classes that stand for something else."""
    for subject in subjects:
        if subject in _policies:
            raise ValueError(f"{subject.__name__} has a policy already")
        _policies[subject] = policy


def discover() -> None:
    """Load the policies of every installed app."""
    autodiscover_modules("policies")


def of(subject: type) -> Policy:
    """Raises `NoPolicyError`."""
    try:
        return _policies[subject]
    except KeyError:
        raise NoPolicyError(f"{subject.__module__}.{subject.__name__} has no policy") from None


def may(user: Person, act: Act, subject: type) -> bool:
    """Whether `user` may do that to the rows of `subject` that they see."""
    return has_role(user, of(subject).role(act))


def visible(rows: QuerySet[M], user: Person) -> QuerySet[M]:
    """Those of `rows` that `user` may see; none where they may see none of the model."""
    return of(rows.model).rows(rows, user) if may(user, "view", rows.model) else rows.none()
