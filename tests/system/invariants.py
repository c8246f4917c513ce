"""What must hold when everything has settled, whatever happened before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path

from tests.messages import check_row
from tests.system.running import Running


def settled(running: Running, files_sent: int) -> None:
    """Wait until every file is in an end state and nothing waits any more."""
    running.until(lambda: len([u for u in running.uploads() if u["state"] != "waiting"]) == files_sent)
    running.until(lambda: not any(running.get("/api/system/health")["waiting"].values()))
    running.until(lambda: all(event["ended"] for event in running.all("/api/events")))
    spool = Path(running.environment["HSI_DATA_DIR"]) / "spool"
    running.until(lambda: not list(spool.glob("*")))  # it is swept every few seconds


def check(running: Running, pictures: Collection[str], cut: Collection[str] = ()) -> str:
    """Every picture detected once, every cut file refused, every detection in one judged event, no gap in the stream.

    The detector finds one object in every picture. Returns the figures in words.
    """
    uploads = running.uploads()
    assert sorted(upload["path"] for upload in uploads) == sorted([*pictures, *cut])
    states = Counter(upload["state"] for upload in uploads)
    assert states == Counter(detected=len(pictures)) + Counter(rejected=len(cut))
    detections = running.all("/api/detections")
    assert Counter(d["upload"] for d in detections) == {u["id"]: 1 for u in uploads if u["state"] == "detected"}
    events = running.all("/api/events")
    assert {(event["risk_source"], event["analysis"]) for event in events} == {("llm", "done")}
    assert sum(event["detection_count"] for event in events) == len(detections)
    messages = running.messages()
    stream = running.stream()
    for _, kind, data in stream:
        check_row(kind, "", data)
    told = Counter(message["data"]["id"] for message in messages if message["type"] == "event.created")
    merged = [message["data"]["id"] for message in messages if message["type"] == "event.deleted"]
    assert told == Counter([*(event["id"] for event in events), *merged])
    seen = Counter(message["data"]["upload"] for message in messages if message["type"] == "detection.created")
    assert set(seen.values()) == {1}
    root = Path(running.environment["HSI_DATA_DIR"])
    assert len(list((root / "quarantine").rglob("*.jpg"))) == len(cut)
    assert len([path for path in running.cameras.rglob("*") if path.is_file()]) == len(pictures)
    return f"{len(uploads)} files, {len(events)} events: 0 lost, 0 doubled, {len(stream)} messages without a gap"
