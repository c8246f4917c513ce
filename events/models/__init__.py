"""The models: events and their judgements, alert rules and alerts, notification channels and deliveries."""

from events.models.alerts import Alert, AlertRule, CoolDown
from events.models.event import Event
from events.models.judgement import EventFeedback, Judgement
from events.models.notifications import Delivery, NotificationChannel

__all__ = [
    "Alert", "AlertRule", "CoolDown", "Delivery", "Event", "EventFeedback", "Judgement", "NotificationChannel",
]  # fmt: skip
