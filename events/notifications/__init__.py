"""Notifications: alerts are sent to channels, from rows that survive a crash.

`deliveries` has the rows: one per alert, channel and stage, written with the alert. `worker` claims due deliveries and
sends them, and `channel_worker` receives the wake-ups of other processes. `content` builds title, text and picture of a
notification. `channels` has the protocol of a kind of channel; `email`, `webhook`, `mqtt` and `apprise` implement it,
the last one with `pinned_requests`. `api` and `serializers` are the REST API.
"""
