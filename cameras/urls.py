from django.urls import path

from cameras.api import cameras, uploads

urlpatterns = [
    path("cameras", cameras.CameraList.as_view()),
    path("cameras/<slug:pk>", cameras.CameraDetail.as_view()),
    path("cameras/<slug:pk>/snapshot", cameras.CameraSnapshot.as_view()),
    path("cameras/<slug:pk>/uploads", uploads.CameraUploads.as_view()),
    path("cameras/<slug:pk>/zones", cameras.ZoneList.as_view()),
    path("cameras/<slug:pk>/zones/<slug:zone>", cameras.ZoneDetail.as_view()),
    path("uploads", uploads.UploadList.as_view()),
    path("uploads/<int:pk>", uploads.UploadDetail.as_view()),
    path("uploads/<int:pk>/file", uploads.UploadFile.as_view()),
    path("uploads/<int:pk>/retry", uploads.RetryUpload.as_view()),
    path("uploads/<int:pk>/thumbnail", uploads.UploadThumbnail.as_view()),
]
