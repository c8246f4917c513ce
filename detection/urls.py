from django.urls import path

from detection import api

urlpatterns = [
    path("cameras/<slug:pk>/static-objects", api.StaticObjects.as_view()),
    path("cameras/<slug:pk>/static-objects/<int:static_object>", api.OneStaticObject.as_view()),
    path("detections", api.Detections.as_view()),
    path("detections/<int:pk>", api.OneDetection.as_view()),
    path("detections/<int:pk>/frame", api.DetectionFrame.as_view()),
    path("detections/<int:pk>/thumbnail", api.DetectionThumbnail.as_view()),
]
