"""What the work of a queue costs on Redis without ours: one stream, one consumer group, commands in a pipeline."""

from __future__ import annotations

from typing import Any

from redis import Redis

STREAM, GROUP = "bench:bare", "bare"


class BareStream:
    """Messages carry a row's id as our jobs do. Nothing keeps a row from being put twice, and nothing bounds it."""

    def __init__(self, client: Redis) -> None:
        self.client: Any = client  # its types leave open whether an answer is awaited
        self.client.delete(STREAM)
        self.client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)

    def put(self, row_ids: list[int]) -> None:
        if len(row_ids) == 1:
            self.client.xadd(STREAM, {"r": row_ids[0]})
            return
        with self.client.pipeline(transaction=False) as commands:
            for row_id in row_ids:
                commands.xadd(STREAM, {"r": row_id})
            commands.execute()

    def take(self, limit: int, block: int | None = None) -> list[Any]:
        answer = self.client.xreadgroup(GROUP, "bench", {STREAM: ">"}, count=limit, block=block)
        messages: list[Any] = answer[0][1] if answer else []
        return messages

    def ack(self, taken: list[Any]) -> None:
        identities = [identity for identity, _ in taken]
        with self.client.pipeline(transaction=False) as commands:
            commands.xack(STREAM, GROUP, *identities).xdel(STREAM, *identities)
            commands.execute()
