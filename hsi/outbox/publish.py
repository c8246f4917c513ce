"""The outbox: messages to the outside are rows, written in the transaction of what they tell.

They leave after the commit. `hsi.outbox.publish` only writes and hints; `events/stream/` delivers.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence

from django.db import connection, transaction
from django.utils import timezone

from hsi.db import sql
from hsi.db.sql import execute
from hsi.models import StreamHead, StreamMessage, ToldState
from hsi.outbox import wakeup

Message = tuple[str, str, Mapping[str, object]]


def publish(*messages: Message) -> None:
    """Append messages (type, camera id or "", data), in this order. Must be the last write of a transaction.

    The lock on the head is held from here to the commit: that is what makes the order of numbers
    the order of commits, and why nothing slow may follow.
    """
    if not messages:
        return
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("publish() belongs into the transaction of what it tells")
    _append(messages)
    transaction.on_commit(wakeup.send)


def newest() -> int:
    """The newest sequence number; 0 before the first message."""
    return StreamHead.objects.values_list("seq", flat=True).first() or 0


def _append(messages: Sequence[Message]) -> None:
    """PostgreSQL takes one statement for all of it: the head is locked for a round trip less."""
    head = StreamHead._meta.db_table
    raise_head = (
        f"INSERT INTO {head} (id,seq) VALUES (1,%(count)s)"
        f" ON CONFLICT (id) DO UPDATE SET seq={head}.seq+%(count)s RETURNING seq-%(count)s"
    )
    now = timezone.now()
    if connection.vendor == "postgresql":
        table = StreamMessage._meta.db_table
        execute(
            f"WITH head(seq) AS ({raise_head})"
            f" INSERT INTO {table} (seq,type,camera,data,time)"
            " SELECT head.seq+place,value->>0,value->>1,(value->2)::jsonb,%(now)s"
            " FROM head,json_array_elements(%(messages)s::json) WITH ORDINALITY AS new(value,place)",
            {"count": len(messages), "now": now, "messages": json.dumps(messages)},
        )
        return
    [(last,)] = execute(raise_head, {"count": len(messages)}).fetchall()
    sql.insert(
        StreamMessage,
        [
            {"seq": last + place, "type": kind, "camera": camera, "data": data, "time": now}
            for place, (kind, camera, data) in enumerate(messages, start=1)
        ],
    )


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
