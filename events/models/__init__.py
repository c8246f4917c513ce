"""What happened, who is told, and whether they were."""

from events.models.alerts import Alert, AlertRule, CoolDown
from events.models.event import Event
from events.models.judgement import EventFeedback, Judgement
from events.models.notifications import Delivery, NotificationChannel

__all__ = [
    "Alert", "AlertRule", "CoolDown", "Delivery", "Event", "EventFeedback", "Judgement", "NotificationChannel",
]  # fmt: skip
