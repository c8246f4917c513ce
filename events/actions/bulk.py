"""One change to many events: each is changed or is not, and it is said of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict

from django.db import transaction
from django.db.models import QuerySet

from events.actions import trash
from events.actions.review import change
from events.models import Event
from hsi.errors import NotFoundError


class ItemData(TypedDict):
    """What became of one: the `status` and `code` that it would have been answered alone; no code where it was done."""

    id: int
    status: int
    code: str


def review(events: QuerySet[Event], ids: list[int], values: dict[str, Any]) -> list[ItemData]:
    return _each(events, ids, lambda event: change(event, values), 200)


def delete(events: QuerySet[Event], ids: list[int]) -> list[ItemData]:
    return _each(events, ids, trash.delete, 204)


def as_seen_now(events: QuerySet[Event], items: list[ItemData]) -> list[ItemData]:
    """Kept items, for somebody who sees `events` now. Whatever is not among them reads as if it were not there."""
    visible = set(events.filter(pk__in=[item["id"] for item in items]).values_list("pk", flat=True))
    return [item if item["id"] in visible else _gone(item["id"]) for item in items]


def _each(events: QuerySet[Event], ids: list[int], do: Callable[[Event], Any], status: int) -> list[ItemData]:
    """`do` to each of `ids` that is among `events`, in one transaction. Locked in the order of their ids."""
    with transaction.atomic():
        found = {event.pk: event for event in events.filter(pk__in=ids).order_by("pk").select_for_update()}
        for event in found.values():
            do(event)
    return [{"id": pk, "status": status, "code": ""} if pk in found else _gone(pk) for pk in dict.fromkeys(ids)]


def _gone(pk: int) -> ItemData:
    """Not there, or not for this user to see: the answer does not tell which."""
    return {"id": pk, "status": NotFoundError.status, "code": NotFoundError.code}
