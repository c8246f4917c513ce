from django.urls import path

from events import api, history_api

urlpatterns = [
    path("events", api.Events.as_view()),
    path("events/stats", history_api.Stats.as_view()),
    path("events/timeline", history_api.Timeline.as_view()),
    path("events/export", history_api.Export.as_view()),
    path("events/<int:pk>", api.OneEvent.as_view()),
    path("events/<int:pk>/detections", api.EventDetections.as_view()),
    path("events/<int:pk>/snapshot", api.EventSnapshot.as_view()),
]
