"""Notifications: alerts are told to channels, from rows that survive a crash.

Start with `outbox` (the rows), `loop` (who sends them) and `channels` (how each kind is sent to).
"""
