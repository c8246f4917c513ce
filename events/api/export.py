"""The events of an export, a chunk at a time.

Whoever has exported events may refer to them. So an export can have retention spare them from then on: each chunk is
marked before it leaves.
No transaction and no cursor stays open between chunks; an event that comes meanwhile shifts nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import QuerySet
from django.utils import timezone

from events.models import Event
from events.serializers import EventData, events_data
from hsi.api.export import CHUNK
from hsi.api.pagination import beyond, order

KEYSET = "started_at"
COLUMNS = tuple(EventData.__annotations__)


def chunks(events: QuerySet[Event], *, spare: bool) -> Iterator[list[EventData]]:
    """All of `events`, newest first. With `spare`, what is given has been marked as exported."""
    events = events.order_by(*order(KEYSET))
    rows = events_data(events[:CHUNK])
    while rows:
        if spare:
            ids = [row["id"] for row in rows]
            Event.objects.filter(pk__in=ids, exported_at=None).update(exported_at=timezone.now())
        yield rows
        last = rows[-1]
        rows = events_data(events.filter(beyond(KEYSET, last["started_at"], last["id"]))[:CHUNK])
