"""Events, alerts and notifications in Django's admin. Importing it registers every page."""

from events.admin import alerts, events, notifications

__all__ = ["alerts", "events", "notifications"]
