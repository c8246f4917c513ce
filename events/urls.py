from django.urls import path

from events import api
from events.stream.api import StreamSchema

urlpatterns = [
    path("schema/stream", StreamSchema.as_view()),
    path("events", api.Events.as_view()),
    path("events/<int:pk>", api.OneEvent.as_view()),
    path("events/<int:pk>/detections", api.EventDetections.as_view()),
    path("events/<int:pk>/snapshot", api.EventSnapshot.as_view()),
]
