"""The API of uploads: what came, the files themselves, and the HTTP way in."""

from __future__ import annotations

from typing import Any

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
from cameras.api.filters import UploadFilters
from cameras.api.inputs import UploadInputSerializer
from cameras.files.originals import MediaGoneError, open_original, open_thumbnail
from cameras.files.tree import Tree
from cameras.intake import http_upload, raw_body, retry
from cameras.intake.http_paths import FOLDER
from cameras.intake.raw_body import RAW
from cameras.intake.upload_handlers import ToFolder, ToNowhere, announced_bytes
from cameras.media import stills
from cameras.models import Upload
from cameras.serializers import UploadData, upload_data
from hsi.api import idempotency
from hsi.api.idempotency import found_again, once
from hsi.api.openapi import Page, Problem, conflicts
from hsi.api.permissions import allows
from hsi.errors import ConflictError, HSIError, NotFoundError
from hsi.http.request_state import state_of
from hsi.http.url_prefix import link
from hsi.models import KeptAnswer
from hsi.policies import Incoming
from hsi.security.credentials import sender_of

THUMBNAIL_WIDTH = 480


class NotFailedError(ConflictError):
    """The upload is neither rejected nor failed, so it cannot be retried."""

    code = "NOT_FAILED"


class UploadView(GenericAPIView[Upload]):
    subject = Upload

    def get_queryset(self) -> QuerySet[Upload]:
        return only_visible(Upload.objects.all(), self.request.user)


class Uploads(UploadView):
    keyset = "captured_at"
    filterset_class = UploadFilters

    @extend_schema(summary="List uploads", responses=Page[UploadData])
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response([upload_data(upload) for upload in page])


class OneUpload(UploadView):
    @extend_schema(summary="Get an upload", responses=UploadData)
    def get(self, request: Request, pk: int) -> Response:
        return Response(upload_data(get_object_or_404(self.get_queryset(), pk=pk)))


class RetryUpload(UploadView):
    """What was rejected or could not be looked at waits again; its dead letter is resolved and stays with its story."""

    @extend_schema(
        summary="Retry a rejected or failed upload",
        request=None,
        responses={202: UploadData, 422: Problem, **conflicts("The upload is neither rejected nor failed.")},
    )
    @once(found_again)
    def post(self, request: Request, pk: int) -> Response:
        upload = get_object_or_404(self.get_queryset(), pk=pk)
        if not retry.again(upload):
            raise NotFailedError
        upload.refresh_from_db()
        return Response(upload_data(upload), 202)


class UploadFile(UploadView):
    """The file itself. One that was rejected can only be saved: what is in it is not known."""

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
        return file_response.unchanged(request, etag, since) or file_response.file_response(
            request, open_original(upload), upload.path, upload.size, trusted=trusted, etag=etag, modified=since
        )


class UploadThumbnail(UploadView):
    """The small picture of intake, or one made now where there is none."""

    content_negotiation_class = file_response.AnyAccept

    @extend_schema(summary="Get the thumbnail of an upload", responses=file_response.JPEG)
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        upload = get_object_or_404(self.get_queryset(), pk=pk)
        if upload.state == Upload.State.REJECTED:
            raise MediaGoneError("A rejected file has no picture.")
        etag = f"upload-{upload.pk}-small"
        return file_response.unchanged(request, etag) or file_response.jpeg_response(self._picture(upload), etag)

    def _picture(self, upload: Upload) -> bytes:
        try:
            with open_thumbnail(upload) as file:
                return file.read()
        except MediaGoneError:
            return stills.jpeg(stills.still(upload, max_width=THUMBNAIL_WIDTH))


class CameraUploads(GenericAPIView[Upload]):
    """Takes a file in as if the camera had sent it: the same folder, checks, states and queue."""

    queryset = Upload.objects.none()  # what the API's description learns the model from
    subject = Incoming
    posting = "add"
    parser_classes = (MultiPartParser, *RAW)
    incoming: ToFolder | None = None
    refusal: HSIError | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # Where the body goes is decided before anything reads it: looking for the CSRF token of a session does.
        request.upload_handlers = [self._handler(request, kwargs["pk"])]
        try:
            return super().dispatch(request, *args, **kwargs)
        finally:
            if self.incoming is not None:
                self.incoming.discard()

    def _handler(self, request: HttpRequest, pk: str) -> ToFolder | ToNowhere:
        sender = sender_of(request)
        if not allows(sender, state_of(request).token, "add", Incoming):
            return ToNowhere()
        camera = visible_cameras(sender).filter(pk=pk).first()
        try:
            if camera is not None:
                http_upload.require_room(camera, announced_bytes(request))
                self.incoming = ToFolder(Tree(settings.CAMERA_ROOT), f"{camera.folder}/{FOLDER}")
        except HSIError as error:
            self.refusal = error
        return self.incoming or ToNowhere()

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
        if self.incoming is None:
            raise self.refusal or NotFoundError
        form = UploadInputSerializer(data=request.data)
        partial = self.incoming.received()
        form.is_valid(raise_exception=True)
        values = form.validated_data
        row = self._kept(request, self.incoming.digest.digest(), repr(sorted(values.items())).encode())
        if row is not None and row.status is not None:
            return idempotency.replay(row, row.data)  # an upload of `camera`, which this user may see now
        arrived = http_upload.receive(
            Tree(settings.CAMERA_ROOT), camera, partial, values["file"], values.get("captured_at")
        )
        response = self._answer(*arrived)
        if row is not None:
            idempotency.keep(row, response)
        return response

    def _kept(self, request: Request, *parts: bytes) -> KeptAnswer | None:
        # Not in one transaction with what it does, which takes long. A repeat that comes before the answer was
        # kept is a second file of the same bytes: a duplicate, which leads to the first one.
        key = idempotency.key_of(request)
        return idempotency.claim(request, key, idempotency.digest_of(request, *parts)) if key else None

    def _answer(self, upload: Upload, is_new: bool) -> Response:
        headers = {"Location": link(f"/api/uploads/{upload.pk}")}
        return Response(upload_data(upload), 201 if is_new else 200, headers=headers)
