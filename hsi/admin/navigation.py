"""The entries of the admin's navigation. Each app registers its own in `AppConfig.ready()`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from hsi.models import AuditEntry
from hsi.policies import System
from hsi.security import policy

# The groups in display order. The first has no title.
GROUPS = ("", "Review", "Alerts", "Cameras", "Operations", "Access", "Audit", "Records")


@dataclass(frozen=True, slots=True)
class Item:
    """A link to a list of rows (`place` is `app.model`) or to a page for administrators (`place` is its URL name).

    `order` is the position within the group. `counts` names the counter of waiting items, and `tone` its colour.
    """

    title: str
    icon: str
    place: str
    order: int
    counts: str = ""
    tone: str = "wait"

    @property
    def address(self) -> str:
        if "." not in self.place:
            return reverse(f"admin:{self.place}")
        return reverse(f"admin:{self.place.replace('.', '_')}_changelist")

    def may_be_seen(self, request: HttpRequest) -> bool:
        if "." not in self.place:
            return policy.may(request.user, "view", System)
        return bool(admin.site.get_model_admin(apps.get_model(self.place)).has_view_permission(request))


_items: defaultdict[str, list[Item]] = defaultdict(list)


def register(group: str, *items: Item) -> None:
    """Add items to one of `GROUPS`."""
    if group not in GROUPS:
        raise ValueError(f"The navigation has no group {group!r}.")
    _items[group] += items


def groups() -> Mapping[str, Sequence[Item]]:
    """Return the items of each group, in order."""
    return {group: sorted(_items[group], key=lambda item: item.order) for group in GROUPS}


def shows_history(request: HttpRequest) -> bool:
    """Return whether the pages of rows link to the changes of a row."""
    return policy.may(request.user, "view", AuditEntry)
