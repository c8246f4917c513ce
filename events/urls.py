from django.urls import path

from events import api
from events.alerting import api as alerting
from events.notifications import api as notifications

urlpatterns = [
    path("events", api.Events.as_view()),
    path("events/<int:pk>", api.OneEvent.as_view()),
    path("events/<int:pk>/detections", api.EventDetections.as_view()),
    path("events/<int:pk>/snapshot", api.EventSnapshot.as_view()),
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
