from django.urls import path

from events.alerting import api as alerting
from events.api import actions, events, history
from events.notifications import api as notifications
from events.stream.schema import StreamSchema

urlpatterns = [
    path("schema/stream", StreamSchema.as_view()),
    path("events", events.Events.as_view()),
    path("events/stats", history.Stats.as_view()),
    path("events/timeline", history.Timeline.as_view()),
    path("events/export", history.Export.as_view()),
    path("events/trash", actions.Trash.as_view()),
    path("events/bulk-review", actions.BulkReview.as_view()),
    path("events/bulk-delete", actions.BulkDelete.as_view()),
    path("events/<int:pk>", events.OneEvent.as_view()),
    path("events/<int:pk>/detections", events.EventDetections.as_view()),
    path("events/<int:pk>/nearby", events.EventNearby.as_view()),
    path("events/<int:pk>/snapshot", events.EventSnapshot.as_view()),
    path("events/<int:pk>/clip", actions.EventClip.as_view()),
    path("events/<int:pk>/reanalyse", actions.ReanalyseEvent.as_view()),
    path("events/<int:pk>/restore", actions.RestoreEvent.as_view()),
    path("alert-rules", alerting.Rules.as_view()),
    path("alert-rules/<int:pk>", alerting.OneRule.as_view()),
    path("alert-rules/<int:pk>/test", alerting.TestRule.as_view()),
    path("alerts", alerting.Alerts.as_view()),
    path("alerts/<int:pk>", alerting.OneAlert.as_view()),
    path("alerts/<int:pk>/acknowledge", alerting.HandleAlert.as_view()),
    path("alerts/<int:pk>/dismiss", alerting.DismissAlert.as_view()),
    path("notification-channels", notifications.NotificationChannels.as_view()),
    path("notification-channels/<int:pk>", notifications.OneChannel.as_view()),
    path("notification-channels/<int:pk>/test", notifications.TestChannel.as_view()),
    path("deliveries", notifications.Deliveries.as_view()),
]
