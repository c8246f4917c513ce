"""Every event is an alert that a receiver is told of, and what must hold of that when everything has settled."""

from __future__ import annotations

from collections import Counter

from tests.peers.webhook import WebhookPeer
from tests.system.running import Running

JUDGEMENT = ("risk_score", "risk_level", "summary", "recommended_action")  # what a reader is told
SETTINGS = {"WEBHOOK_ALLOWED_HOSTS": "127.0.0.1"}


def tell_everything(running: Running, receiver: WebhookPeer) -> None:
    """A rule that matches every event, and `receiver` as its channel."""
    channel = running.post("/api/notification-channels", name="receiver", kind="webhook", url=receiver.url)
    running.post("/api/alert-rules", name="everything", cooldown_seconds=0, channels=[channel["id"]])


def check_told(running: Running, receiver: WebhookPeer) -> str:
    """One alert an event, each told with its judgement, under one id whatever died. Returns the figures in words.

    An event that was merged into another may have been told before. Its alerts went with it.
    """
    events = {event["id"]: event for event in running.all("/api/events")}
    alerts = {alert["id"]: alert["event"] for alert in running.all("/api/alerts")}
    assert sorted(alerts.values()) == sorted(events)
    ids: dict[int, set[str]] = {}
    judged = set()
    for told in receiver.told:
        if told["alert"]["id"] not in alerts:
            assert told["event"]["id"] not in events
            continue
        ids.setdefault(told["alert"]["id"], set()).add(told["id"])
        event = events[alerts[told["alert"]["id"]]]
        if all(told["event"][name] == event[name] for name in JUDGEMENT):
            judged.add(told["alert"]["id"])
    assert set(ids) == judged == set(alerts)
    assert {len(known) for known in ids.values()} == {1}
    assert len({known for (known,) in ids.values()}) == len(alerts)
    deliveries = [one for one in running.all("/api/deliveries") if one["alert"] in alerts]
    assert {delivery["state"] for delivery in deliveries} == {"sent"}
    assert Counter(delivery["alert"] for delivery in deliveries if delivery["stage"] == "first") == dict.fromkeys(
        alerts, 1
    )
    again = len(receiver.told) - len(deliveries)
    return f"{len(alerts)} alerts, each told, {again} of {len(receiver.told)} notifications sent again"
