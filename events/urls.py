from django.urls import path

from events import actions_api, api, history_api
from events.alerting import api as alerting
from events.notifications import api as notifications
from events.stream.api import StreamSchema

urlpatterns = [
    path("schema/stream", StreamSchema.as_view()),
    path("events", api.Events.as_view()),
    path("events/stats", history_api.Stats.as_view()),
    path("events/timeline", history_api.Timeline.as_view()),
    path("events/export", history_api.Export.as_view()),
    path("events/trash", actions_api.Trash.as_view()),
    path("events/bulk-review", actions_api.BulkReview.as_view()),
    path("events/bulk-delete", actions_api.BulkDelete.as_view()),
    path("events/<int:pk>", api.OneEvent.as_view()),
    path("events/<int:pk>/detections", api.EventDetections.as_view()),
    path("events/<int:pk>/nearby", api.EventNearby.as_view()),
    path("events/<int:pk>/snapshot", api.EventSnapshot.as_view()),
    path("events/<int:pk>/clip", actions_api.EventClip.as_view()),
    path("events/<int:pk>/reanalyse", actions_api.ReanalyseEvent.as_view()),
    path("events/<int:pk>/restore", actions_api.RestoreEvent.as_view()),
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
