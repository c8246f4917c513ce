"""Events, alerts and notifications in Django's admin. Importing it registers every page."""

from events.admin import alerts, events, habits, language_model, notifications

__all__ = ["alerts", "events", "habits", "language_model", "notifications"]
