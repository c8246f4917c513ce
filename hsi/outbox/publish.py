"""The outbox: messages to the outside are rows, written in the transaction of what they tell.

They leave after the commit. `hsi.outbox.publish` only writes and hints; `events/stream/` delivers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.db import connection, transaction
from django.utils import timezone

from hsi.db import sql
from hsi.db.sql import execute
from hsi.models import StreamHead, StreamMessage, ToldState
from hsi.outbox import wakeup


def publish(*messages: tuple[str, str, Mapping[str, object]]) -> None:
    """Append messages (type, camera id or "", data), in this order. Must be the last write of a transaction.

    The lock on the head is held from here to the commit: that is what makes the order of numbers
    the order of commits, and why nothing slow may follow.
    """
    if not messages:
        return
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("publish() belongs into the transaction of what it tells")
    last = _raise_head(len(messages))
    now = timezone.now()
    sql.insert(
        [
            StreamMessage(seq=last - len(messages) + place, type=kind, camera=camera, data=data, time=now)
            for place, (kind, camera, data) in enumerate(messages, start=1)
        ]
    )
    transaction.on_commit(wakeup.send)


def newest() -> int:
    """The newest sequence number; 0 before the first message."""
    return StreamHead.objects.values_list("seq", flat=True).first() or 0


def _raise_head(by: int) -> int:
    table = StreamHead._meta.db_table
    [(last,)] = execute(
        f"INSERT INTO {table} (id,seq) VALUES (1,%(by)s)"
        f" ON CONFLICT (id) DO UPDATE SET seq={table}.seq+%(by)s RETURNING seq",
        {"by": by},
    ).fetchall()
    return int(last)


def record_change(subject: str, state: str, *, no_news: Collection[str] = ()) -> bool:
    """Note the state of a subject; whether that is to be told. Call it in the transaction that publishes.

    States in `no_news` are not worth telling of a subject that was never told of.
    """
    last = ToldState.objects.filter(pk=subject).values_list("state", flat=True).first()
    if last == state or (last is None and state in no_news):
        return False
    if last is None:
        return ToldState.objects.get_or_create(subject=subject, defaults={"state": state})[1]
    changed = ToldState.objects.filter(subject=subject).exclude(state=state)
    return bool(changed.update(state=state, changed_at=timezone.now()))
