from django.urls import path

from detection import api

urlpatterns = [
    path("detections", api.Detections.as_view()),
    path("detections/<int:pk>", api.OneDetection.as_view()),
    path("detections/<int:pk>/frame", api.DetectionFrame.as_view()),
    path("detections/<int:pk>/thumbnail", api.DetectionThumbnail.as_view()),
]
