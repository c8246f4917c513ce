"""The API of detections."""

from __future__ import annotations

from django.db.models import Case, F, QuerySet, When
from django.http import Http404, HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from cameras.access import only_visible, visible_cameras
from cameras.api import file_response
from cameras.media import stills
from cameras.models import Camera
from detection.filters import DetectionFilters
from detection.models import Detection, StaticObject
from detection.relevance import static_objects
from detection.serializers import DetectionData, StaticObjectData, detection_data, static_object_data
from hsi.api.openapi import Page

THUMBNAIL_WIDTH = 320
# The margin around the box relative to its size, because a face alone shows little.
MARGIN = 0.25
# Maximum widths of the picture of a detection.
WIDTHS = {"small": THUMBNAIL_WIDTH, "large": 1280}
WIDTH = OpenApiParameter(
    "size", str, enum=list(WIDTHS), description="Maximum width: 320 (small) or 1280 (large) pixels."
)


def with_event(detections: QuerySet[Detection]) -> QuerySet[Detection]:
    """Annotate each detection with `event_id`: the event of its batch.

    None without an event, or for one in the trash.
    """
    return detections.annotate(
        event_id=Case(When(batch__event__deleted_at__isnull=True, then=F("batch__event__id")), default=None)
    )


class DetectionView(GenericAPIView[Detection]):
    subject = Detection

    def get_queryset(self) -> QuerySet[Detection]:
        return only_visible(with_event(Detection.objects.all()), self.request.user)


class Detections(DetectionView):
    keyset = "captured_at"
    filterset_class = DetectionFilters

    @extend_schema(summary="List detections", responses=Page[DetectionData])
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response([detection_data(detection) for detection in page])


class OneDetection(DetectionView):
    @extend_schema(summary="Get a detection", responses=DetectionData)
    def get(self, request: Request, pk: int) -> Response:
        return Response(detection_data(get_object_or_404(self.get_queryset(), pk=pk)))


class DetectionThumbnail(DetectionView):
    """Return the detected object, cut out of its picture."""

    content_negotiation_class = file_response.AnyAccept

    @extend_schema(summary="Get the picture of a detected object", responses=file_response.JPEG)
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        detection = get_object_or_404(self.get_queryset().select_related("upload"), pk=pk)
        etag = f"detection-{detection.pk}"
        if answer := file_response.not_modified(request, etag):
            return answer
        picture = stills.load_still_or_thumbnail(
            detection.upload,
            offset_seconds=detection.frame_offset,
            box=surroundings(detection),
            max_width=THUMBNAIL_WIDTH,
        )
        return file_response.jpeg_response(stills.encode_jpeg(picture), etag)


class DetectionFrame(DetectionView):
    """Return the whole picture or frame of a detection as the detector saw it, so that boxes fit."""

    content_negotiation_class = file_response.AnyAccept

    @extend_schema(summary="Get the picture of a detection", responses=file_response.JPEG, parameters=[WIDTH])
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        width = WIDTHS.get(request.query_params.get("size", "large"))
        if width is None:
            raise ValidationError({"size": [f"Must be one of: {', '.join(WIDTHS)}."]})
        detection = get_object_or_404(self.get_queryset().select_related("upload"), pk=pk)
        etag = f"frame-{detection.upload_id}-{detection.frame_offset}-{width}"
        if answer := file_response.not_modified(request, etag):
            return answer
        picture = stills.load_still_or_thumbnail(
            detection.upload, offset_seconds=detection.frame_offset, max_width=width
        )
        return file_response.jpeg_response(stills.encode_jpeg(picture), etag)


class StaticObjectView(GenericAPIView[StaticObject]):
    queryset = StaticObject.objects.none()  # tells the API description the model
    subject = StaticObject

    def camera(self, pk: str) -> Camera:
        return get_object_or_404(visible_cameras(self.request.user), pk=pk)


class StaticObjects(StaticObjectView):
    """What a camera remembers as static. What is forgotten counts again, until it has stayed long enough once more."""

    keyset = "-id"

    @extend_schema(summary="List the static objects of a camera", responses=Page[StaticObjectData])
    def get(self, request: Request, pk: str) -> Response:
        found = StaticObject.objects.filter(camera=self.camera(pk))
        page = self.paginate_queryset(self.filter_queryset(found)) or []
        return self.get_paginated_response([static_object_data(one) for one in page])

    @extend_schema(
        operation_id="cameras_static_objects_clear",
        summary="Forget all static objects of a camera",
        responses={204: None},
    )
    def delete(self, request: Request, pk: str) -> Response:
        static_objects.forget(StaticObject.objects.all(), self.camera(pk).pk)
        return Response(status=204)


class OneStaticObject(StaticObjectView):
    @extend_schema(summary="Forget a static object", responses={204: None})
    def delete(self, request: Request, pk: str, static_object: int) -> Response:
        camera = self.camera(pk)
        found = StaticObject.objects.filter(pk=static_object)
        if not static_objects.forget(found, camera.pk):
            raise Http404
        return Response(status=204)


def surroundings(detection: Detection) -> tuple[float, float, float, float]:
    """Return (left, top, right, bottom) of the box with a margin, from 0 to 1."""
    across, down = detection.width * MARGIN, detection.height * MARGIN
    left, top = max(0.0, detection.x - across), max(0.0, detection.y - down)
    right = min(1.0, detection.x + detection.width + across)
    return left, top, right, min(1.0, detection.y + detection.height + down)
