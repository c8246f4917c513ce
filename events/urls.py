from django.urls import include, path

from events.api import actions, alerts, events, habits, history
from events.home import account, views
from events.notifications import api as notifications
from events.stream.schema import StreamSchema

api = [
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
    path("cameras/<slug:pk>/habits", habits.Habits.as_view()),
    path("alert-rules", alerts.Rules.as_view()),
    path("alert-rules/<int:pk>", alerts.OneRule.as_view()),
    path("alert-rules/<int:pk>/test", alerts.TestRule.as_view()),
    path("alerts", alerts.Alerts.as_view()),
    path("alerts/<int:pk>", alerts.OneAlert.as_view()),
    path("alerts/<int:pk>/acknowledge", alerts.HandleAlert.as_view()),
    path("alerts/<int:pk>/dismiss", alerts.DismissAlert.as_view()),
    path("notification-channels", notifications.NotificationChannels.as_view()),
    path("notification-channels/<int:pk>", notifications.OneChannel.as_view()),
    path("notification-channels/<int:pk>/test", notifications.TestChannel.as_view()),
    path("deliveries", notifications.Deliveries.as_view()),
]

urlpatterns = [
    path("", views.home, name="home"),
    path("account", account.account, name="account"),
    path("account/password", account.change_password, name="change_password"),
    path("account/tokens", account.make_token, name="make_token"),
    path("account/tokens/<int:pk>/revoke", account.revoke_token, name="revoke_own_token"),
    path("api/", include(api)),
]
