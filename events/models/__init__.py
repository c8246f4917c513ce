"""The models: events with their judgements and tracks, alert rules and alerts, notification channels and deliveries."""

from events.models.alerts import Alert, AlertRule, CoolDown
from events.models.event import Event, EventBatch
from events.models.habits import Habit
from events.models.judgement import EventFeedback, FeedbackVerdict, Judgement
from events.models.language_model import LanguageModelServer, RejectedAnswer
from events.models.notifications import Delivery, NotificationChannel
from events.models.track import Track

__all__ = [
    "Alert", "AlertRule", "CoolDown", "Delivery", "Event", "EventBatch", "EventFeedback", "FeedbackVerdict", "Habit",
    "Judgement", "LanguageModelServer", "NotificationChannel", "RejectedAnswer", "Track",
]  # fmt: skip
