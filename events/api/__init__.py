"""The REST API of events and alerts.

`events` reads and reviews events, `actions` has trash, reanalysis, clip and bulk calls, `history` the statistics, the
timeline and the export, and `alerts` rules and alerts. The views are thin: `events.actions` makes the changes.
"""
