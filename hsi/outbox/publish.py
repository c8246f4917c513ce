"""The outbox: a message is a row, written in the transaction of the change that it reports.

`publish` writes messages and, after the commit, wakes the readers. `events/stream/` delivers them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from django.db import connection, transaction
from django.utils import timezone

from hsi.db import sql
from hsi.models import LastPublishedState, StreamHead, StreamMessage
from hsi.outbox import wakeup
from hsi.outbox.messages import Message


def publish(*messages: Message) -> None:
    """Append messages in this order. Must be the last write of a transaction.

    The lock on the head is held from here to the commit. So the order of numbers is the order of commits, and nothing
    slow may follow.
    """
    if not messages:
        return
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("publish() must be called in the transaction of the change")
    _append(messages)
    transaction.on_commit(wakeup.notify)


def newest() -> int:
    """Return the newest sequence number; 0 before the first message."""
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
        rows = [(message.type, message.camera, message.data) for message in messages]
        sql.execute(
            f"WITH head(seq) AS ({raise_head})"
            f" INSERT INTO {table} (seq,type,camera,data,created_at)"
            " SELECT head.seq+place,value->>0,value->>1,(value->2)::jsonb,%(now)s"
            " FROM head,json_array_elements(%(messages)s::json) WITH ORDINALITY AS new(value,place)",
            {"count": len(messages), "now": now, "messages": json.dumps(rows)},
        )
        return
    [(last,)] = sql.execute(raise_head, {"count": len(messages)}).fetchall()
    sql.insert(
        StreamMessage,
        [
            {"seq": seq, "type": message.type, "camera": message.camera, "data": message.data, "created_at": now}
            for seq, message in enumerate(messages, start=last + 1)
        ],
    )


def record_change(subject: str, state: str, *, normal: Collection[str] = ()) -> bool:
    """Store the state of a subject, and return whether to publish it. Call it in the transaction that publishes.

    Each change is published once: by one process, and not again after a restart. A state in `normal` is not published
    for a subject that has no stored state yet.
    """
    last = LastPublishedState.objects.filter(pk=subject).values_list("state", flat=True).first()
    if last == state or (last is None and state in normal):
        return False
    if last is None:
        return LastPublishedState.objects.get_or_create(subject=subject, defaults={"state": state})[1]
    changed = LastPublishedState.objects.filter(subject=subject).exclude(state=state)
    return bool(changed.update(state=state, changed_at=timezone.now()))
