"""How pictures and clips leave: typed by content, never as a page, streamed, and only for their viewer's own cache."""

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

# What a browser may show in place. Everything else is saved as a file.
SHOWN = frozenset(
    (
        *(file_types.JPEG, file_types.PNG, file_types.WEBP, "video/mp4", "video/3gpp", "video/quicktime"),
        *("video/x-matroska", "video/webm", "video/x-msvideo"),
    )
)
OPAQUE = "application/octet-stream"
# How the API's description says that a view answers with a file or a picture.
FILE_TYPES = (OPAQUE, *sorted(SHOWN))
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
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.IGNORECASE | re.ASCII)


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
    """For views that answer with a picture: whatever `Accept` says, a problem is JSON."""

    def select_parser(self, request: Request, parsers: list[BaseParser]) -> BaseParser:  # type: ignore[override]
        return parsers[0]

    def select_renderer(  # type: ignore[override]
        self, request: Request, renderers: list[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type or ""


class StoredFileResponse(FileResponse):
    """A file in bounded pieces, also under ASGI, where Django's own would read it whole."""

    block_size = 256 * 1024

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts = iter(self.streaming_content)  # type: ignore[arg-type]  # it was made from a file, so it is not async
        while part := await sync_to_async(lambda: next(parts, b""), thread_sensitive=False)():
            yield part


class Part:
    """`length` bytes of `file` from `start` on. Closing it closes the file."""

    def __init__(self, file: BinaryIO, start: int, length: int) -> None:
        self.file = file
        self.left = length
        file.seek(start)

    def read(self, size: int) -> bytes:
        piece = self.file.read(min(size, self.left))
        self.left -= len(piece)
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
    """`file` under the last part of `path`. One byte range is heeded (players seek). Not `trusted`: only to save.

    Raises `RangeError`, with the file closed, for a range that lies outside.
    """
    name = CONTROL.sub("_", PurePosixPath(path).name) or "file"
    content_type = type_of(file, name) if trusted else OPAQUE
    try:
        span = byte_range(asked_range(request, etag), size)
    except RangeError:
        file.close()
        raise
    start, length = span or (0, size)
    response = StoredFileResponse(
        Part(file, start, length),
        as_attachment=content_type == OPAQUE,
        filename=name,
        content_type=content_type,
        headers={**HEADERS, "Accept-Ranges": "bytes", "Content-Length": str(length), **version(etag, modified)},
        status=206 if span else 200,
    )
    if span:
        response.headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{size}"
    return response


def type_of(file: BinaryIO, name: str) -> str:
    """The MIME type by the content of an open file, whatever its name says; of what is not shown in place, `OPAQUE`."""
    file.seek(0)
    try:
        found = file_types.of(file.read(file_types.HEAD_BYTES), name).content_type
    except MediaError:
        return OPAQUE
    return found if found in SHOWN else OPAQUE


def asked_range(request: HttpRequest | Request, etag: str) -> str:
    """The `Range` header, where it counts: for GET, and for the version that `If-Range` names (RFC 9110 13.1.5)."""
    if_range = request.headers.get("If-Range", "")
    counts = request.method == "GET" and if_range in ("", f'"{etag}"')
    return request.headers.get("Range", "") if counts else ""


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """(start, length) of the one range asked for (RFC 9110 14.2); None where the whole is to be sent.

    Several ranges, other units and what is no range are passed over. Raises `RangeError` where the range has
    nothing of the file.
    """
    match = RANGE.fullmatch(header.strip())
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


def version(etag: str, modified: datetime | None) -> dict[str, str]:
    """The headers that name what a client has then: its tag, and where it is known since when it is so."""
    return {"ETag": f'"{etag}"', **({"Last-Modified": http_date(modified.timestamp())} if modified else {})}


def jpeg_response(content: bytes, etag: str = "") -> HttpResponse:
    response = HttpResponse(content, content_type="image/jpeg", headers=HEADERS)
    if etag:
        response.headers["ETag"] = f'"{etag}"'
    return response


def unchanged(request: HttpRequest, etag: str, modified: datetime | None = None) -> HttpResponseBase | None:
    """304 where the client already has what `etag` names, or what was there at `modified` (RFC 9110 13.2.2)."""
    since = int(modified.timestamp()) if modified else None
    answer = get_conditional_response(request, etag=f'"{etag}"', last_modified=since)
    return answer if answer is not None and answer.status_code == 304 else None
