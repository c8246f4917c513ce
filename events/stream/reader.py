"""Reads the outbox table, and makes the text of each message once."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import TextField
from django.db.models.functions import Cast

from events.stream.protocol import frame
from hsi.models import StreamMessage


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it goes to clients. `key` is its type and its camera's id (or "")."""

    seq: int
    key: tuple[str, str]
    text: str


def read_after(position: int, limit: int) -> list[Message]:
    """The messages that follow `position`, at most `limit`, in order.

    The JSON comes out of the database as text and goes into the frame untouched.
    """
    rows = (
        StreamMessage.objects.filter(seq__gt=position)
        .order_by("seq")
        .annotate(json=Cast("data", TextField()))
        .values_list("seq", "type", "camera", "time", "json")[:limit]
    )
    return [
        Message(seq, (kind, camera), frame(kind, seq, time, camera, data)) for seq, kind, camera, time, data in rows
    ]
