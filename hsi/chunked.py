"""Bodies that come in chunks, without a Content-Length (RFC 9112, 7.1), as some proxies and clients send them.

Django and its REST framework take such a body for none. Here its length is found, so that whatever reads the request
afterwards finds it as any other. It comes after the gate: nothing is kept of a request that is not let in.
"""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable
from typing import IO, Any, BinaryIO

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponseBase

from hsi import bounds, problem
from hsi.errors import HSIError, TooLargeError, ValidationError
from hsi.middleware import Middleware

CHUNK_BYTES = 64 * 1024


class LengthRequiredError(HSIError):
    """Send the length of the body in Content-Length."""

    code = "LENGTH_REQUIRED"
    status = 411
    retryable = False


class ChunkedBodyMiddleware(Middleware):
    """Gives a request without a Content-Length the length of its body, or answers 411, 413 or 400."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        try:
            find_length(request)
        except HSIError as error:
            refusal = problem.answer(request, error)
            return _soon(refusal) if iscoroutinefunction(self.get_response) else refusal
        return super().__call__(request)


async def _soon(response: HttpResponseBase) -> HttpResponseBase:
    return response


def find_length(request: HttpRequest) -> None:
    """Set CONTENT_LENGTH where the request has none. Raises HSIError."""
    if request.META.get("CONTENT_LENGTH") or "HTTP_TRANSFER_ENCODING" not in request.META:
        return
    if isinstance(request, ASGIRequest):  # all of the body is there
        request.META["CONTENT_LENGTH"] = str(_length(request._stream))
    else:
        # Only such a server says where the body ends.
        if not request.META.get("wsgi.input_terminated"):
            raise LengthRequiredError
        body = _received(request.META["wsgi.input"], bounds.longest_body_bytes(request.path))
        request.META["CONTENT_LENGTH"] = str(_length(body))
        request._stream = body


def _received(source: IO[bytes], longest_bytes: int) -> BinaryIO:
    """All of `source`, in memory or in a temporary file."""
    body: Any = tempfile.SpooledTemporaryFile(max_size=settings.FILE_UPLOAD_MAX_MEMORY_SIZE)  # noqa: SIM115 (read later)
    try:
        while chunk := source.read(CHUNK_BYTES):
            body.write(chunk)
            if body.tell() > longest_bytes:
                raise TooLargeError
    except OSError as error:
        raise ValidationError("The body of the request broke off.") from error
    body.seek(0)
    whole: BinaryIO = body
    return whole


def _length(body: IO[bytes]) -> int:
    here = body.tell()
    end = body.seek(0, 2)
    body.seek(here)
    return end
