"""An upload whose body is the file itself, with its name and time beside it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import IO, Any

from django.core.files.uploadhandler import SkipFile, StopUpload
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from django.utils.http import parse_header_parameters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.parsers import BaseParser, DataAndFiles

from cameras.intake.upload_handlers import FIELD, ToFolder, ToNowhere, announced_bytes

PARAMETERS = [
    OpenApiParameter("Content-Disposition", str, OpenApiParameter.HEADER, description="File name of a plain body."),
    OpenApiParameter("captured_at", OpenApiTypes.DATETIME, description="Capture time of a plain body."),
]
CHUNK_BYTES = 64 * 1024
# What a file without a name is called, by its type.
NAMES = {
    "image/jpeg": "upload.jpg",
    "image/png": "upload.png",
    "image/webp": "upload.webp",
    "video/mp4": "upload.mp4",
    "video/quicktime": "upload.mov",
    "video/x-matroska": "upload.mkv",
    "video/webm": "upload.webm",
    "video/x-msvideo": "upload.avi",
}


class RawFile(BaseParser):
    """Gives what the form would give: `file`, and `captured_at` where the address has it.

    The name comes from `Content-Disposition` (RFC 6266), else from the type.
    """

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> DataAndFiles[Any, Any]:
        assert parser_context is not None  # noqa: S101 (the framework always gives it)
        request = parser_context["request"]._request
        handler: ToFolder | ToNowhere = request.upload_handlers[0]
        base_type = (media_type or "").partition(";")[0].strip().lower()
        name = name_in(request.headers.get("Content-Disposition", "")) or NAMES.get(base_type, "")
        files: MultiValueDict[str, Any] = MultiValueDict()
        with contextlib.suppress(StopUpload, SkipFile):
            handler.new_file(FIELD, name, base_type, announced_bytes(request), None)
            if (file := handler.file_complete(_feed(handler, stream))) is not None:
                files[FIELD] = file
        form = QueryDict(mutable=True)
        form.update(request.GET)
        return DataAndFiles(form, files)


class RawImage(RawFile):
    media_type = "image/*"


class RawVideo(RawFile):
    media_type = "video/*"


class RawBytes(RawFile):
    media_type = "application/octet-stream"


RAW = (RawImage, RawVideo, RawBytes)


def name_in(disposition: str) -> str:
    """The file's name in a `Content-Disposition`, empty where it has none."""
    return parse_header_parameters(disposition)[1].get("filename", "")[:1000]


def _feed(handler: ToFolder | ToNowhere, stream: IO[Any]) -> int:
    """Give the body to the handler, chunk by chunk; how long it was."""
    length = 0
    for chunk in _chunks(stream):
        handler.receive_data_chunk(chunk, length)
        length += len(chunk)
    return length


def _chunks(stream: IO[Any]) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk
