"""Send files and pictures: with a content type by their content, streamed, and cached only by the viewer's browser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from asgiref.sync import sync_to_async
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import http_date
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from cameras.media import file_types
from hsi.api.openapi import Problem
from hsi.errors import HSIError, MediaError

# What a browser may show in place. Other files are downloaded.
INLINE_TYPES = frozenset(
    (
        *(file_types.JPEG, file_types.PNG, file_types.WEBP, "video/mp4", "video/3gpp", "video/quicktime"),
        *("video/x-matroska", "video/webm", "video/x-msvideo"),
    )
)
OPAQUE = "application/octet-stream"
# How the API description says that a view sends a file or a picture.
FILE_TYPES = (OPAQUE, *sorted(INLINE_TYPES))
FILE: dict[Any, Any] = {
    **{(status, kind): OpenApiTypes.BINARY for status in (200, 206) for kind in FILE_TYPES},
    304: None,
    416: Problem,
    422: Problem,
}
JPEG = {(200, "image/jpeg"): OpenApiTypes.BINARY, 304: None, 422: Problem}
RANGE_PARAMETERS = [
    OpenApiParameter(
        "Range", str, OpenApiParameter.HEADER, description="One range of bytes. Several ranges return the whole file."
    ),
    OpenApiParameter(
        "If-Range", str, OpenApiParameter.HEADER, description="ETag of the file that the range refers to."
    ),
]
HEADERS = {
    "Cache-Control": "private, no-cache",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
RANGE_PATTERN = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.IGNORECASE | re.ASCII)


class RangeError(HSIError):
    """The requested range is beyond the end of the file."""

    code = "RANGE_NOT_SATISFIABLE"
    status = 416
    retryable = False

    def __init__(self, size: int) -> None:
        super().__init__(f"The file has {size} bytes.")
        self._size = size

    @property
    def headers(self) -> dict[str, str]:
        return {"Content-Range": f"bytes */{self._size}"}


class AnyAccept(BaseContentNegotiation):
    """For views that send a picture: `Accept` is ignored, and errors are JSON."""

    def select_parser(self, request: Request, parsers: list[BaseParser]) -> BaseParser:  # type: ignore[override]
        return parsers[0]

    def select_renderer(  # type: ignore[override]
        self, request: Request, renderers: list[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type or ""


class StoredFileResponse(FileResponse):
    """A file that is streamed in blocks, also under ASGI, where Django's own response would read it as a whole."""

    block_size = 256 * 1024

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts = iter(self.streaming_content)  # type: ignore[arg-type]  # it is made from a file, so it is not async
        while part := await sync_to_async(lambda: next(parts, b""), thread_sensitive=False)():
            yield part


class FileRange:
    """`length` bytes of `file` from `start`. Closing it closes the file."""

    def __init__(self, file: BinaryIO, start: int, length: int) -> None:
        self.file = file
        self.remaining = length
        file.seek(start)

    def read(self, size: int) -> bytes:
        piece = self.file.read(min(size, self.remaining))
        self.remaining -= len(piece)
        return piece

    def close(self) -> None:
        self.file.close()


def file_response(
    request: HttpRequest | Request,
    file: BinaryIO,
    path: str,
    size: int,
    *,
    trusted: bool,
    etag: str,
    modified: datetime | None = None,
) -> StoredFileResponse:
    """Send `file` under the last part of `path`. One byte range is supported, because players seek.

    A file that is not `trusted` can only be downloaded. Raise `RangeError`, with the file closed, for a range outside.
    """
    name = CONTROL_CHARACTERS.sub("_", PurePosixPath(path).name) or "file"
    content_type = content_type_for(file, name) if trusted else OPAQUE
    try:
        span = byte_range(requested_range(request, etag), size)
    except RangeError:
        file.close()
        raise
    start, length = span or (0, size)
    validators = validator_headers(etag, modified)
    response = StoredFileResponse(
        FileRange(file, start, length),
        as_attachment=content_type == OPAQUE,
        filename=name,
        content_type=content_type,
        headers={
            **HEADERS,
            "Accept-Ranges": "bytes",
            "Content-Length": str(length),
            **validators,
        },
        status=206 if span else 200,
    )
    if span:
        response.headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{size}"
    return response


def content_type_for(file: BinaryIO, name: str) -> str:
    """Return the content type of an open file by its content, or `OPAQUE` unless a browser may show it."""
    file.seek(0)
    try:
        content_type = file_types.identify(file.read(file_types.HEAD_BYTES), name).content_type
    except MediaError:
        return OPAQUE
    return content_type if content_type in INLINE_TYPES else OPAQUE


def requested_range(request: HttpRequest | Request, etag: str) -> str:
    """Return the `Range` header if it applies: for GET, and for the version in `If-Range` (RFC 9110 13.1.5)."""
    if_range = request.headers.get("If-Range", "")
    counts = request.method == "GET" and if_range in ("", f'"{etag}"')
    return request.headers.get("Range", "") if counts else ""


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """Return (start, length) of the requested range (RFC 9110 14.2), or None to send the whole file.

    Several ranges, other units and invalid ranges are ignored. Raise `RangeError` if the range is outside the file.
    """
    match = RANGE_PATTERN.fullmatch(header.strip())
    if not match or match.group(1) == match.group(2) == "":
        return None
    first, last = match.groups()
    if first and last and int(last) < int(first):
        return None
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last), size - 1) if first and last else size - 1
    if start > end:
        raise RangeError(size)
    return start, end - start + 1


def validator_headers(etag: str, modified: datetime | None) -> dict[str, str]:
    """Return the headers that identify the version: its tag, and its modification time if known."""
    return {"ETag": f'"{etag}"', **({"Last-Modified": http_date(modified.timestamp())} if modified else {})}


def jpeg_response(content: bytes, etag: str = "") -> HttpResponse:
    response = HttpResponse(content, content_type="image/jpeg", headers=HEADERS)
    if etag:
        response.headers["ETag"] = f'"{etag}"'
    return response


def not_modified(request: HttpRequest, etag: str, modified: datetime | None = None) -> HttpResponseBase | None:
    """Return a 304 if the client has the version `etag`, or the one of `modified` (RFC 9110 13.2.2). Otherwise None."""
    since = int(modified.timestamp()) if modified else None
    response = get_conditional_response(request, etag=f'"{etag}"', last_modified=since)
    return response if response is not None and response.status_code == 304 else None
