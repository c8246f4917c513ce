"""The addresses of the stream: which messages go over each, and who may listen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """`families` are first parts of message types. Live delivery and replay are the same for every topic."""

    path: str
    families: frozenset[str]
    for_administrators: bool = False


EVENTS = Topic("/ws/events", frozenset({"event", "alert", "detection", "batch", "camera"}))
SYSTEM = Topic("/ws/system", frozenset({"system", "service", "worker", "queue", "gpu"}), for_administrators=True)
TOPICS = {topic.path: topic for topic in (EVENTS, SYSTEM)}
