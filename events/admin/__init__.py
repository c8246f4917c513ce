"""Events, alerts and notifications in Django's admin. Importing it registers every page."""

from events.admin import alerts, events, habits, notifications

__all__ = ["alerts", "events", "habits", "notifications"]
