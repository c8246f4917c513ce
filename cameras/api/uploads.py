"""Views of uploads and their files, and the HTTP upload."""

from __future__ import annotations

from typing import Any

import django_filters
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from cameras.access import only_visible, visible_cameras
from cameras.api import file_response
from cameras.api.inputs import UploadInputSerializer
from cameras.files.originals import MediaGoneError, open_original
from cameras.files.thumbnails import open_thumbnail
from cameras.files.tree import Tree
from cameras.intake import http_upload, raw_body, retry
from cameras.intake.raw_body import RAW_PARSERS
from cameras.intake.upload_handlers import DiscardUploadHandler, StreamToFolderHandler, declared_bytes
from cameras.media import stills
from cameras.models import Upload
from cameras.naming.http_paths import HTTP_FOLDER
from cameras.serializers import UploadData, upload_data
from hsi.api import idempotency
from hsi.api.filters import TimeFilter
from hsi.api.idempotency import found_again, once
from hsi.api.openapi import Page, Problem, conflicts
from hsi.api.permissions import allows
from hsi.errors import ConflictError, HSIError, NotFoundError
from hsi.http.request_state import state_of
from hsi.http.url_prefix import link
from hsi.models import IdempotencyRecord
from hsi.policies import Incoming
from hsi.security.credentials import sender_of

THUMBNAIL_WIDTH = 480


class NotFailedError(ConflictError):
    """The upload is neither rejected nor failed, so it cannot be retried."""

    code = "NOT_FAILED"


class UploadFilterSet(django_filters.FilterSet):  # type: ignore[misc]
    """`after` is inclusive and `before` exclusive, so that adjacent ranges do not overlap."""

    camera = django_filters.CharFilter(field_name="camera_id", max_length=64, help_text="Id of the camera.")
    state = django_filters.ChoiceFilter(choices=Upload.State.choices, help_text="State of the upload.")
    after = TimeFilter(field_name="captured_at", lookup_expr="gte", help_text="Captured at or after this time.")
    before = TimeFilter(field_name="captured_at", lookup_expr="lt", help_text="Captured before this time.")


class UploadView(GenericAPIView[Upload]):
    subject = Upload

    def get_queryset(self) -> QuerySet[Upload]:
        return only_visible(Upload.objects.all(), self.request.user)


class UploadList(UploadView):
    keyset = "captured_at"
    filterset_class = UploadFilterSet

    @extend_schema(summary="List uploads", responses=Page[UploadData])
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response([upload_data(upload) for upload in page])


class UploadDetail(UploadView):
    @extend_schema(summary="Get an upload", responses=UploadData)
    def get(self, request: Request, pk: int) -> Response:
        return Response(upload_data(get_object_or_404(self.get_queryset(), pk=pk)))


class RetryUpload(UploadView):
    """Queue a rejected or failed upload again. Its dead letter is resolved and keeps its history."""

    @extend_schema(
        summary="Retry a rejected or failed upload",
        request=None,
        responses={202: UploadData, 422: Problem, **conflicts("The upload is neither rejected nor failed.")},
    )
    @once(found_again)
    def post(self, request: Request, pk: int) -> Response:
        upload = get_object_or_404(self.get_queryset(), pk=pk)
        if not retry.retry_upload(upload):
            raise NotFailedError
        upload.refresh_from_db()
        return Response(upload_data(upload), 202)


class UploadFile(UploadView):
    """The file itself. A rejected file can only be downloaded, because its content is unknown."""

    content_negotiation_class = file_response.AnyAccept

    @extend_schema(
        summary="Download the file of an upload",
        responses=file_response.FILE,
        parameters=file_response.RANGE_PARAMETERS,
    )
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        upload = get_object_or_404(self.get_queryset(), pk=pk)
        trusted = upload.state != Upload.State.REJECTED
        etag = f"upload-{upload.pk}-file"
        since = upload.received_at
        return file_response.not_modified(request, etag, since) or file_response.file_response(
            request, open_original(upload), upload.path, upload.size, trusted=trusted, etag=etag, modified=since
        )


class UploadThumbnail(UploadView):
    """The thumbnail of an upload. If there is none, it is made now."""

    content_negotiation_class = file_response.AnyAccept

    @extend_schema(summary="Get the thumbnail of an upload", responses=file_response.JPEG)
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        upload = get_object_or_404(self.get_queryset(), pk=pk)
        if upload.state == Upload.State.REJECTED:
            raise MediaGoneError("A rejected file has no picture.")
        etag = f"upload-{upload.pk}-small"
        return file_response.not_modified(request, etag) or file_response.jpeg_response(self._picture(upload), etag)

    def _picture(self, upload: Upload) -> bytes:
        try:
            with open_thumbnail(upload) as file:
                return file.read()
        except MediaGoneError:
            return stills.encode_jpeg(stills.load_still(upload, max_width=THUMBNAIL_WIDTH))


class CameraUploads(GenericAPIView[Upload]):
    """Accept a file as if the camera had sent it: with the same folder, checks, states and queue."""

    queryset = Upload.objects.none()  # the API description reads the model from it
    subject = Incoming
    posting = "add"
    parser_classes = (MultiPartParser, *RAW_PARSERS)
    handler: StreamToFolderHandler | None = None
    error: HSIError | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # The destination of the body is decided before it is read. The CSRF check of a session reads it.
        request.upload_handlers = [self._choose_handler(request, kwargs["pk"])]
        try:
            return super().dispatch(request, *args, **kwargs)
        finally:
            if self.handler is not None:
                self.handler.discard()

    def _choose_handler(self, request: HttpRequest, pk: str) -> StreamToFolderHandler | DiscardUploadHandler:
        sender = sender_of(request)
        if not allows(sender, state_of(request).token, "add", Incoming):
            return DiscardUploadHandler()
        camera = visible_cameras(sender).filter(pk=pk).first()
        try:
            if camera is not None:
                http_upload.require_room(camera, declared_bytes(request))
                self.handler = StreamToFolderHandler(Tree(settings.CAMERA_ROOT), f"{camera.folder}/{HTTP_FOLDER}")
        except HSIError as error:
            self.error = error
        return self.handler or DiscardUploadHandler()

    @extend_schema(
        summary="Upload a file",
        request={
            "multipart/form-data": UploadInputSerializer,
            **dict.fromkeys(file_response.FILE_TYPES, OpenApiTypes.BINARY),
        },
        parameters=[*raw_body.PARAMETERS, idempotency.PARAMETER],
        responses={
            201: UploadData,
            200: UploadData,
            422: Problem,
            **conflicts("The camera is paused."),
        },
    )
    def post(self, request: Request, pk: str) -> Response:
        camera = get_object_or_404(visible_cameras(request.user), pk=pk)
        if self.handler is None:
            raise self.error or NotFoundError
        form = UploadInputSerializer(data=request.data)
        partial = self.handler.received()
        form.is_valid(raise_exception=True)
        values = form.validated_data
        row = self._claim_key(request, self.handler.digest.digest(), repr(sorted(values.items())).encode())
        if row is not None and row.status is not None:
            return idempotency.replay(row, row.data)  # an upload of `camera`, which this user may see
        upload, is_new = http_upload.receive(
            Tree(settings.CAMERA_ROOT), camera, partial, values["file"], values.get("captured_at")
        )
        response = self._respond(upload, is_new)
        if row is not None:
            idempotency.keep(row, response)
        return response

    def _claim_key(self, request: Request, *parts: bytes) -> IdempotencyRecord | None:
        # Not in one transaction with the upload, which takes long. If a request is repeated before the response is
        # stored, it sends a second file with the same bytes: a duplicate, which leads to the first one.
        key = idempotency.key_of(request)
        return idempotency.claim(request, key, idempotency.digest_of(request, *parts)) if key else None

    def _respond(self, upload: Upload, is_new: bool) -> Response:
        headers = {"Location": link(f"/api/uploads/{upload.pk}")}
        return Response(upload_data(upload), 201 if is_new else 200, headers=headers)
