from django.urls import path

from cameras import api

urlpatterns = [
    path("cameras", api.Cameras.as_view()),
    path("cameras/<slug:pk>", api.OneCamera.as_view()),
    path("cameras/<slug:pk>/snapshot", api.CameraSnapshot.as_view()),
    path("uploads", api.Uploads.as_view()),
    path("uploads/<int:pk>", api.OneUpload.as_view()),
    path("uploads/<int:pk>/file", api.UploadFile.as_view()),
    path("uploads/<int:pk>/thumbnail", api.UploadThumbnail.as_view()),
]
