"""The API of cameras and their uploads. What a user may not see is not found."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from cameras import delivery, stills
from cameras.access import only_visible, visible_cameras
from cameras.filters import UploadFilters
from cameras.models import Camera, Upload
from cameras.originals import MediaGoneError, open_original, open_thumbnail
from cameras.serializers import CameraData, UploadData, camera_data, upload_data
from hsi.schema import Page

SNAPSHOT_WIDTH = 960
THUMBNAIL_WIDTH = 480


class Cameras(GenericAPIView[Camera]):
    keyset = "-id"

    def get_queryset(self) -> QuerySet[Camera]:
        return visible_cameras(self.request.user).with_last_upload()

    @extend_schema(summary="Cameras you may see", responses=Page[CameraData])
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response([camera_data(camera) for camera in page])


class OneCamera(GenericAPIView[Camera]):
    @extend_schema(summary="One camera", responses=CameraData)
    def get(self, request: Request, pk: str) -> Response:
        cameras = visible_cameras(request.user).with_last_upload()
        return Response(camera_data(get_object_or_404(cameras, pk=pk)))


class CameraSnapshot(GenericAPIView[Camera]):
    """The newest usable picture, at most `SNAPSHOT_WIDTH` wide. Of a clip it is the small picture."""

    content_negotiation_class = delivery.AnyAccept

    @extend_schema(summary="The newest picture of a camera", responses=delivery.JPEG)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        camera = get_object_or_404(visible_cameras(request.user), pk=pk)
        upload = camera.uploads.filter(state__in=Upload.USABLE).order_by("-captured_at", "-id").first()
        if upload is None:
            raise MediaGoneError("This camera has sent no usable picture yet.")
        etag = f"upload-{upload.pk}"
        return delivery.unchanged(request, etag) or delivery.jpeg_response(self._picture(upload), etag)

    def _picture(self, upload: Upload) -> bytes:
        if upload.kind == Upload.Kind.VIDEO and upload.thumbnail:
            with open_thumbnail(upload) as file:
                return file.read()
        return stills.jpeg(stills.still_or_thumbnail(upload, max_width=SNAPSHOT_WIDTH))


class UploadView(GenericAPIView[Upload]):
    def get_queryset(self) -> QuerySet[Upload]:
        return only_visible(Upload.objects.all(), self.request.user)


class Uploads(UploadView):
    keyset = "captured_at"
    filterset_class = UploadFilters

    @extend_schema(summary="Uploaded files", responses=Page[UploadData])
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response([upload_data(upload) for upload in page])


class OneUpload(UploadView):
    @extend_schema(summary="One uploaded file", responses=UploadData)
    def get(self, request: Request, pk: int) -> Response:
        return Response(upload_data(get_object_or_404(self.get_queryset(), pk=pk)))


class UploadFile(UploadView):
    """The file itself. One that was rejected can only be saved: what is in it is not known."""

    content_negotiation_class = delivery.AnyAccept

    @extend_schema(summary="The file itself", responses=delivery.FILE)
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        upload = get_object_or_404(self.get_queryset(), pk=pk)
        trusted = upload.state != Upload.State.REJECTED
        return delivery.file_response(request, open_original(upload), upload.path, upload.size, trusted=trusted)


class UploadThumbnail(UploadView):
    """The small picture of intake, or one made now where there is none."""

    content_negotiation_class = delivery.AnyAccept

    @extend_schema(summary="The small picture of an upload", responses=delivery.JPEG)
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        upload = get_object_or_404(self.get_queryset(), pk=pk)
        if upload.state == Upload.State.REJECTED:
            raise MediaGoneError("A rejected file has no picture.")
        etag = f"upload-{upload.pk}-small"
        return delivery.unchanged(request, etag) or delivery.jpeg_response(self._picture(upload), etag)

    def _picture(self, upload: Upload) -> bytes:
        try:
            with open_thumbnail(upload) as file:
                return file.read()
        except MediaGoneError:
            return stills.jpeg(stills.still(upload, max_width=THUMBNAIL_WIDTH))
