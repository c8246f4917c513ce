"""Alerting: which events make an alert. It runs in the transaction that writes the event.

`evaluate` makes and updates the alerts of an event: it asks `matching` which rules match, opens a cool-down window for
each alert, and hands the alert to `events.notifications`. `schedule` has the hours in which a rule is in force, and
`serializers` the REST form of rules. The API is in `events.api.alerts`.
"""
