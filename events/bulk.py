"""One change to many events: each is changed or is not, and it is said of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict

from django.db import transaction
from django.db.models import QuerySet

from events import trash
from events.models import Event
from events.review import change
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


def _each(events: QuerySet[Event], ids: list[int], do: Callable[[Event], Any], status: int) -> list[ItemData]:
    """`do` to each of `ids` that is among `events`, in one transaction. Locked in the order of their ids."""
    with transaction.atomic():
        found = {event.pk: event for event in events.filter(pk__in=ids).order_by("pk").select_for_update()}
        for event in found.values():
            do(event)
    gone: tuple[int, str] = (NotFoundError.status, NotFoundError.code)
    outcome = {pk: (status, "") if pk in found else gone for pk in ids}
    return [{"id": pk, "status": one, "code": code} for pk, (one, code) in outcome.items()]
