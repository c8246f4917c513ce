from django.urls import path

from cameras.api import cameras, uploads

urlpatterns = [
    path("cameras", cameras.Cameras.as_view()),
    path("cameras/<slug:pk>", cameras.OneCamera.as_view()),
    path("cameras/<slug:pk>/snapshot", cameras.CameraSnapshot.as_view()),
    path("cameras/<slug:pk>/uploads", uploads.CameraUploads.as_view()),
    path("cameras/<slug:pk>/zones", cameras.Zones.as_view()),
    path("cameras/<slug:pk>/zones/<slug:zone>", cameras.OneZone.as_view()),
    path("uploads", uploads.Uploads.as_view()),
    path("uploads/<int:pk>", uploads.OneUpload.as_view()),
    path("uploads/<int:pk>/file", uploads.UploadFile.as_view()),
    path("uploads/<int:pk>/retry", uploads.RetryUpload.as_view()),
    path("uploads/<int:pk>/thumbnail", uploads.UploadThumbnail.as_view()),
]
