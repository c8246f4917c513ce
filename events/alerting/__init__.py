"""Alerting: which events make an alert, in the transaction that writes the event.

Start with `matching` (what a rule asks for) and `evaluate` (what follows from it).
"""
