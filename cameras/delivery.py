"""How pictures and clips leave: typed by name, never as a page, streamed, and only for their viewer's own cache."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import PurePosixPath
from typing import BinaryIO

from asgiref.sync import sync_to_async
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from drf_spectacular.types import OpenApiTypes
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

# What a browser may show in place. Everything else is saved as a file.
SHOWN = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".gif": "image/gif",
    ".bmp": "image/bmp",
    ".webp": "image/webp",
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".mkv": "video/x-matroska",
    ".webm": "video/webm",
    ".avi": "video/x-msvideo",
}
OPAQUE = "application/octet-stream"
# How the API's description says that a view answers with a file or a picture.
FILE = {(200, OPAQUE): OpenApiTypes.BINARY, (206, OPAQUE): OpenApiTypes.BINARY}
JPEG = {(200, "image/jpeg"): OpenApiTypes.BINARY, 304: None}
HEADERS = {
    "Cache-Control": "private, no-cache",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


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


def file_response(request: HttpRequest, file: BinaryIO, path: str, size: int, *, trusted: bool) -> StoredFileResponse:
    """`file` under the last part of `path`. One byte range is heeded (players seek). Not `trusted`: only to save."""
    name = CONTROL.sub("_", PurePosixPath(path).name) or "file"
    content_type = SHOWN.get(PurePosixPath(name).suffix.lower(), OPAQUE) if trusted else OPAQUE
    span = byte_range(request.headers.get("Range", ""), size)
    start, length = span or (0, size)
    response = StoredFileResponse(
        Part(file, start, length),
        as_attachment=content_type == OPAQUE,
        filename=name,
        content_type=content_type,
        headers={**HEADERS, "Accept-Ranges": "bytes", "Content-Length": str(length)},
        status=206 if span else 200,
    )
    if span:
        response.headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{size}"
    return response


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """(start, length) of the one range asked for (RFC 9110 14.2); None where the whole is to be sent."""
    match = RANGE.fullmatch(header.strip())
    if not match or match.group(1) == match.group(2) == "":
        return None
    first, last = match.groups()
    if first == "":
        start, end = max(0, size - int(last)), size - 1
    else:
        start, end = int(first), min(int(last), size - 1) if last else size - 1
    return (start, end - start + 1) if start <= end else None


def jpeg_response(content: bytes, etag: str = "") -> HttpResponse:
    response = HttpResponse(content, content_type="image/jpeg", headers=HEADERS)
    if etag:
        response.headers["ETag"] = f'"{etag}"'
    return response


def unchanged(request: HttpRequest, etag: str) -> HttpResponseBase | None:
    """304 where the client already has the picture that `etag` names."""
    if not request.headers.get("If-None-Match"):
        return None
    answer = get_conditional_response(request, etag=f'"{etag}"')
    return answer if answer is not None and answer.status_code == 304 else None
