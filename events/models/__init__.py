"""The models: events and their judgements, alert rules and alerts, notification channels and deliveries."""

from events.models.alerts import Alert, AlertRule, CoolDown
from events.models.event import Event
from events.models.habits import Habit
from events.models.judgement import EventFeedback, FeedbackVerdict, Judgement
from events.models.notifications import Delivery, NotificationChannel

__all__ = [
    "Alert", "AlertRule", "CoolDown", "Delivery", "Event", "EventFeedback", "FeedbackVerdict", "Habit",
    "Judgement", "NotificationChannel",
]  # fmt: skip
