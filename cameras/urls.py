from django.urls import path

from cameras import api, api_uploads

urlpatterns = [
    path("cameras", api.Cameras.as_view()),
    path("cameras/<slug:pk>", api.OneCamera.as_view()),
    path("cameras/<slug:pk>/snapshot", api.CameraSnapshot.as_view()),
    path("cameras/<slug:pk>/uploads", api_uploads.CameraUploads.as_view()),
    path("cameras/<slug:pk>/zones", api.Zones.as_view()),
    path("cameras/<slug:pk>/zones/<slug:zone>", api.OneZone.as_view()),
    path("uploads", api_uploads.Uploads.as_view()),
    path("uploads/<int:pk>", api_uploads.OneUpload.as_view()),
    path("uploads/<int:pk>/file", api_uploads.UploadFile.as_view()),
    path("uploads/<int:pk>/retry", api_uploads.RetryUpload.as_view()),
    path("uploads/<int:pk>/thumbnail", api_uploads.UploadThumbnail.as_view()),
]
