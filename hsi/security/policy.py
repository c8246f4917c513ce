"""One policy per model for the API and the admin: who may view, add, change and delete which rows.

Each app registers the policies of its models in its `policies.py`. A class stands for a subject that is not a model,
such as the whole system. Without a policy nothing is allowed: `policy_for` raises an error, and a system check stops
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
# The acts on rows. A button or an action counts as a change.
Act = Literal["view", "add", "change", "delete"]
Rows = Callable[[QuerySet[Any], Person], QuerySet[Any]]


def every_row(rows: QuerySet[M], user: Person) -> QuerySet[M]:
    return rows


@dataclass(frozen=True, slots=True)
class Policy:
    """The role that each act needs. `rows` filters a queryset to the rows that a user may see.

    `scopes` names the scope that a token needs for an act, where it differs from the default: `admin` for acts of
    administrators, else `read` to view and `write` for the rest.
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
    """Register `policy` for `subjects`: models, or classes that stand for other subjects."""
    for subject in subjects:
        if subject in _policies:
            raise ValueError(f"{subject.__name__} has a policy already")
        _policies[subject] = policy


def discover() -> None:
    """Load the policies of every installed app."""
    autodiscover_modules("policies")


def policy_for(subject: type) -> Policy:
    """Return the policy of a subject. Raise `NoPolicyError`."""
    try:
        return _policies[subject]
    except KeyError:
        raise NoPolicyError(f"{subject.__module__}.{subject.__name__} has no policy") from None


def may(user: Person, act: Act, subject: type) -> bool:
    """Return whether `user` may do this to the rows of `subject` that they see."""
    return has_role(user, policy_for(subject).role(act))


def visible(rows: QuerySet[M], user: Person) -> QuerySet[M]:
    """Return those of `rows` that `user` may see."""
    return policy_for(rows.model).rows(rows, user) if may(user, "view", rows.model) else rows.none()
