"""The API of detections."""

from __future__ import annotations

from django.db.models import Case, F, QuerySet, When
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from PIL import Image
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from cameras import delivery, stills
from cameras.access import only_visible
from detection.filters import DetectionFilters
from detection.models import Detection
from detection.serializers import DetectionData, detection_data
from hsi.schema import Page

THUMBNAIL_WIDTH = 320
# How much of the surroundings is shown, relative to the box: a face without its door says little.
MARGIN = 0.25
# How wide the picture is at most in which something was found.
WIDTHS = {"small": THUMBNAIL_WIDTH, "large": 1280}
WIDTH = OpenApiParameter("size", str, enum=list(WIDTHS), description="How large: 320 or 1280 pixels wide at most.")


def with_event(detections: QuerySet[Detection]) -> QuerySet[Detection]:
    """Each detection with `event_id`: the event that its batch became; None before that, and for one in the trash."""
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

    @extend_schema(summary="Detections", responses=Page[DetectionData])
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response([detection_data(detection) for detection in page])


class OneDetection(DetectionView):
    @extend_schema(summary="One detection", responses=DetectionData)
    def get(self, request: Request, pk: int) -> Response:
        return Response(detection_data(get_object_or_404(self.get_queryset(), pk=pk)))


class DetectionThumbnail(DetectionView):
    """What was found, cut out of its picture."""

    content_negotiation_class = delivery.AnyAccept

    @extend_schema(summary="What was found, cut out of its picture", responses=delivery.JPEG)
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        detection = get_object_or_404(self.get_queryset().select_related("upload"), pk=pk)
        etag = f"detection-{detection.pk}"
        if answer := delivery.unchanged(request, etag):
            return answer
        picture = stills.still_or_thumbnail(detection.upload, offset_seconds=detection.frame_offset)
        return delivery.jpeg_response(stills.jpeg(cut_out(picture, detection)), etag)


class DetectionFrame(DetectionView):
    """The whole picture, or of a clip the frame, in which it was found: as the detector saw it, so that boxes fit."""

    content_negotiation_class = delivery.AnyAccept

    @extend_schema(summary="The picture in which it was found", responses=delivery.JPEG, parameters=[WIDTH])
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        width = WIDTHS.get(request.query_params.get("size", "large"))
        if width is None:
            raise ValidationError({"size": [f"Must be one of: {', '.join(WIDTHS)}."]})
        detection = get_object_or_404(self.get_queryset().select_related("upload"), pk=pk)
        etag = f"frame-{detection.upload_id}-{detection.frame_offset}-{width}"
        if answer := delivery.unchanged(request, etag):
            return answer
        picture = stills.still_or_thumbnail(detection.upload, offset_seconds=detection.frame_offset, max_width=width)
        return delivery.jpeg_response(stills.jpeg(picture), etag)


def cut_out(picture: Image.Image, detection: Detection) -> Image.Image:
    """The box with some margin, within the picture, at most `THUMBNAIL_WIDTH` wide."""
    width, height = picture.size
    across, down = detection.width * MARGIN, detection.height * MARGIN
    left, top = max(0, round((detection.x - across) * width)), max(0, round((detection.y - down) * height))
    right = min(width, round((detection.x + detection.width + across) * width))
    bottom = min(height, round((detection.y + detection.height + down) * height))
    left, top = min(left, width - 1), min(top, height - 1)
    box = (left, top, max(right, left + 1), max(bottom, top + 1))
    return stills.fitted(picture.crop(box), THUMBNAIL_WIDTH)
