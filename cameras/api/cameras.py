"""Views of cameras and their zones. What a user may not see is a 404."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from cameras import services
from cameras.access import visible_cameras
from cameras.api import file_response
from cameras.api.inputs import (
    CameraInputSerializer,
    NewCameraInputSerializer,
    ZoneChangeSerializer,
    ZoneInputSerializer,
)
from cameras.files.originals import MediaGoneError
from cameras.files.thumbnails import open_thumbnail
from cameras.media import stills
from cameras.models import Camera, Upload, Zone
from cameras.serializers import CameraData, ZoneData, camera_data, problems_by_folder, zone_data
from hsi.api.idempotency import by_role, once
from hsi.api.inputs import checked
from hsi.api.openapi import Page, conflicts
from hsi.http.url_prefix import link

SNAPSHOT_WIDTH = 960


class CameraList(GenericAPIView[Camera]):
    subject = Camera
    posting = "add"
    keyset = "-id"

    def get_queryset(self) -> QuerySet[Camera]:
        return visible_cameras(self.request.user).with_last_upload()

    @extend_schema(summary="List cameras", responses=Page[CameraData])
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        problems = problems_by_folder(page)
        return self.get_paginated_response([camera_data(camera, problems) for camera in page])

    @extend_schema(
        summary="Create a camera",
        request=NewCameraInputSerializer,
        responses={201: CameraData, **conflicts("The folder belongs to another camera, or is not a folder.")},
    )
    @once(by_role)
    def post(self, request: Request) -> Response:
        camera = services.create_camera(**checked(NewCameraInputSerializer, request))
        return Response(camera_data(camera), 201, headers={"Location": link(f"/api/cameras/{camera.pk}")})


class CameraDetail(GenericAPIView[Camera]):
    subject = Camera

    def get_queryset(self) -> QuerySet[Camera]:
        return visible_cameras(self.request.user).with_last_upload()

    @extend_schema(summary="Get a camera", responses=CameraData)
    def get(self, request: Request, pk: str) -> Response:
        return Response(camera_data(get_object_or_404(self.get_queryset(), pk=pk)))

    @extend_schema(summary="Change a camera", request=CameraInputSerializer, responses=CameraData)
    def patch(self, request: Request, pk: str) -> Response:
        camera = get_object_or_404(self.get_queryset(), pk=pk)
        values = checked(CameraInputSerializer, request, partial=True)
        services.update_camera(camera, values)
        return Response(camera_data(camera))

    @extend_schema(
        summary="Delete a camera without files",
        responses={
            204: None,
            **conflicts("The camera has files. Pause it and wait until retention has removed them."),
        },
    )
    def delete(self, request: Request, pk: str) -> Response:
        services.delete_camera(get_object_or_404(visible_cameras(request.user), pk=pk))
        return Response(status=204)


class CameraSnapshot(GenericAPIView[Camera]):
    """The newest usable picture, at most `SNAPSHOT_WIDTH` wide. For a clip: its thumbnail."""

    subject = Camera
    content_negotiation_class = file_response.AnyAccept

    @extend_schema(summary="Get the newest picture of a camera", responses=file_response.JPEG)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        camera = get_object_or_404(visible_cameras(request.user), pk=pk)
        upload = Upload.objects.usable().filter(camera=camera).newest_capture_first().first()
        if upload is None:
            raise MediaGoneError("This camera has sent no usable picture yet.")
        etag = f"upload-{upload.pk}"
        return file_response.not_modified(request, etag) or file_response.jpeg_response(self._picture(upload), etag)

    def _picture(self, upload: Upload) -> bytes:
        if upload.kind == Upload.Kind.VIDEO and upload.thumbnail:
            with open_thumbnail(upload) as file:
                return file.read()
        return stills.encode_jpeg(stills.load_still_or_thumbnail(upload, max_width=SNAPSHOT_WIDTH))


def _require_visible_camera(view: ZoneView, data: Any, pk: str) -> Any:
    """Check again that the user may see the camera, before a stored response is repeated."""
    view.get_camera(pk)
    return data


class ZoneView(GenericAPIView[Zone]):
    queryset = Zone.objects.none()  # the API description reads the model from it
    subject = Zone

    def get_camera(self, pk: str) -> Camera:
        return get_object_or_404(visible_cameras(self.request.user), pk=pk)


class ZoneList(ZoneView):
    posting = "add"
    keyset = "-id"

    @extend_schema(summary="List the zones of a camera", responses=Page[ZoneData])
    def get(self, request: Request, pk: str) -> Response:
        zones = Zone.objects.filter(camera=self.get_camera(pk))
        page = self.paginate_queryset(self.filter_queryset(zones)) or []
        return self.get_paginated_response([zone_data(zone) for zone in page])

    @extend_schema(
        summary="Create a zone",
        request=ZoneInputSerializer,
        responses={
            201: ZoneData,
            **conflicts("The camera already has a zone with this name, or the maximum number of zones."),
        },
    )
    @once(_require_visible_camera)
    def post(self, request: Request, pk: str) -> Response:
        camera = self.get_camera(pk)
        zone = services.create_zone(camera, checked(ZoneInputSerializer, request))
        return Response(zone_data(zone), 201, headers={"Location": link(f"/api/cameras/{camera.pk}/zones/{zone.pk}")})


class ZoneDetail(ZoneView):
    def get_zone(self, pk: str, zone: str) -> Zone:
        return get_object_or_404(Zone.objects.filter(camera__in=visible_cameras(self.request.user)), camera=pk, pk=zone)

    @extend_schema(summary="Get a zone", responses=ZoneData)
    def get(self, request: Request, pk: str, zone: str) -> Response:
        return Response(zone_data(self.get_zone(pk, zone)))

    @extend_schema(
        summary="Change a zone",
        request=ZoneChangeSerializer,
        responses={200: ZoneData, **conflicts("The zone has another version than the request.")},
    )
    def patch(self, request: Request, pk: str, zone: str) -> Response:
        row = self.get_zone(pk, zone)
        values = checked(ZoneChangeSerializer, request, partial=True)
        version = values.pop("version", None)
        services.update_zone(row, values, version)
        return Response(zone_data(row))

    @extend_schema(summary="Delete a zone", responses={204: None})
    def delete(self, request: Request, pk: str, zone: str) -> Response:
        services.delete_zone(self.get_zone(pk, zone))
        return Response(status=204)
