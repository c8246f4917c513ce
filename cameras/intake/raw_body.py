"""Parsers for an upload whose body is the file itself. Name and time are in the headers and the query string."""

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

from cameras.intake.upload_handlers import FILE_FIELD, DiscardUploadHandler, StreamToFolderHandler, declared_bytes

PARAMETERS = [
    OpenApiParameter("Content-Disposition", str, OpenApiParameter.HEADER, description="File name of a plain body."),
    OpenApiParameter("captured_at", OpenApiTypes.DATETIME, description="Capture time of a plain body."),
]
CHUNK_BYTES = 64 * 1024
# File names for bodies without a name, by content type.
DEFAULT_NAMES = {
    "image/jpeg": "upload.jpg",
    "image/png": "upload.png",
    "image/webp": "upload.webp",
    "video/mp4": "upload.mp4",
    "video/quicktime": "upload.mov",
    "video/x-matroska": "upload.mkv",
    "video/webm": "upload.webm",
    "video/x-msvideo": "upload.avi",
}


class RawFileParser(BaseParser):
    """Returns what a form would return: `file`, and `captured_at` if the query string has it.

    The name comes from `Content-Disposition` (RFC 6266), else from the content type.
    """

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> DataAndFiles[Any, Any]:
        assert parser_context is not None  # noqa: S101 (the framework always passes it)
        request = parser_context["request"]._request
        handler: StreamToFolderHandler | DiscardUploadHandler = request.upload_handlers[0]
        base_type = (media_type or "").partition(";")[0].strip().lower()
        name = file_name_from(request.headers.get("Content-Disposition", "")) or DEFAULT_NAMES.get(base_type, "")
        files: MultiValueDict[str, Any] = MultiValueDict()
        with contextlib.suppress(StopUpload, SkipFile):
            handler.new_file(FILE_FIELD, name, base_type, declared_bytes(request), None)
            if (file := handler.file_complete(_send_to_handler(handler, stream))) is not None:
                files[FILE_FIELD] = file
        form = QueryDict(mutable=True)
        form.update(request.GET)
        return DataAndFiles(form, files)


class RawImageParser(RawFileParser):
    media_type = "image/*"


class RawVideoParser(RawFileParser):
    media_type = "video/*"


class RawBytesParser(RawFileParser):
    media_type = "application/octet-stream"


RAW_PARSERS = (RawImageParser, RawVideoParser, RawBytesParser)


def file_name_from(disposition: str) -> str:
    """Return the file name in a `Content-Disposition` header, or an empty string."""
    return parse_header_parameters(disposition)[1].get("filename", "")[:1000]


def _send_to_handler(handler: StreamToFolderHandler | DiscardUploadHandler, stream: IO[Any]) -> int:
    """Pass the body to the handler in chunks. Return its length."""
    length = 0
    for chunk in _read_chunks(stream):
        handler.receive_data_chunk(chunk, length)
        length += len(chunk)
    return length


def _read_chunks(stream: IO[Any]) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk
