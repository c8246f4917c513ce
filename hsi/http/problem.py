"""One shape for every error: `application/problem+json` (RFC 9457) for programs, a page for people."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template.loader import render_to_string
from rest_framework import exceptions

from hsi.errors import (
    CSRFError,
    DatabaseUnavailableError,
    ForbiddenError,
    HSIError,
    NotAuthenticatedError,
    NotFoundError,
    RateLimitError,
    TooLargeError,
    ValidationError,
)
from hsi.http import refused_requests
from hsi.http.client_address import client_network
from hsi.http.middleware import Middleware
from hsi.http.request_id import request_id

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
# Statuses that only the frameworks give, by the code that stands for them.
CODES = {
    400: "VALIDATION_ERROR",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    406: "NOT_ACCEPTABLE",
    411: "LENGTH_REQUIRED",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    429: "RATE_LIMIT_EXCEEDED",
    503: "UNAVAILABLE",
}
TITLES = {
    400: "That cannot be understood",
    403: "Not allowed",
    404: "There is nothing here",
    413: "That is too large",
    429: "Too much at once",
    500: "Something went wrong",
    503: "Not available now",
}
DETAILS = {405: "This address does not answer that method."}
MALFORMED = "The request is malformed, or asks for a host name that is not ours."
NOTHING_HERE = "What was at this address is gone, or the address is not quite right."
OUR_FAULT = "The fault is ours. The log has more about it."


def wants_json(request: HttpRequest) -> bool:
    return request.path_info.startswith(("/api/", "/health/", "/metrics")) or "json" in request.headers.get(
        "Accept", ""
    )


def document(error: HSIError) -> dict[str, Any]:
    """Return the members of a problem. `code` is stable, `detail` is for people."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "code": error.code,
        "detail": error.detail,
        **error.members,
    }


def response(request: HttpRequest, error: HSIError) -> JsonResponse:
    """`error` as a problem."""
    members = {**document(error), "request_id": request_id(request)}
    return JsonResponse(members, status=error.status, content_type=CONTENT_TYPE, headers=error.headers)


def raw_answer(error: HSIError) -> bytes:
    """Return an HTTP answer that ends its connection, for where no request reaches Django."""
    content = json.dumps(document(error)).encode()
    headers = {"Content-Type": CONTENT_TYPE, "Content-Length": len(content), "Connection": "close", **error.headers}
    lines = [f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


def page(request: HttpRequest, error: HSIError) -> HttpResponse:
    """`error` as a page. Nothing is asked for it: the database may be what is away."""
    title = TITLES.get(error.status) or HTTPStatus(error.status).phrase
    context = {"title": title, "detail": error.detail, "status": error.status, "request_id": request_id(request)}
    content = render_to_string("hsi/error.html", context)
    return HttpResponse(content, status=error.status, headers={"Cache-Control": "no-store", **error.headers})


def answer(request: HttpRequest, error: HSIError) -> HttpResponse:
    """`error` in the form that the caller understands."""
    return response(request, error) if wants_json(request) else page(request, error)


def brief(error: HSIError) -> HttpResponse:
    """`error` as a line of text, for who is no user of ours: it costs next to nothing."""
    return HttpResponse(f"{error.detail}\n", status=error.status, content_type="text/plain; charset=utf-8")


class FrameworkError(HSIError):
    """What the REST framework or Django says of a request: its words, its status."""

    retryable = False

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.code = status, CODES.get(status, "INTERNAL_ERROR")
        self._headers = headers or {}

    @property
    def headers(self) -> dict[str, str]:
        return self._headers


def named(error: Exception) -> HSIError | None:
    """`error` as one of ours, with its code and status. None: nobody foresaw it, so it is a 500."""
    if isinstance(error, HSIError):
        return error
    if isinstance(error, (OperationalError, InterfaceError)):
        # What the database said goes to the log, not to the caller.
        logger.error("The database does not answer: %s", error)
        return DatabaseUnavailableError()
    if isinstance(error, exceptions.APIException):
        return _of_the_framework(error)
    if isinstance(error, Http404):
        return NotFoundError(NOTHING_HERE)
    if isinstance(error, PermissionDenied):
        return ForbiddenError()
    if isinstance(error, RequestDataTooBig):
        return TooLargeError()
    return ValidationError(MALFORMED) if isinstance(error, SuspiciousOperation) else None


def _of_the_framework(error: exceptions.APIException) -> HSIError:
    if isinstance(error, exceptions.ValidationError):
        if isinstance(error.detail, dict):
            return ValidationError(errors=error.detail)
        return ValidationError(" ".join(map(str, error.detail)))
    if isinstance(error, (exceptions.NotAuthenticated, exceptions.AuthenticationFailed)):
        return NotAuthenticatedError()
    if isinstance(error, exceptions.Throttled):
        return RateLimitError(wait_seconds=getattr(error, "wait", None) or 1)
    return FrameworkError(error.status_code, str(error.detail))


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """What the REST framework calls for an exception of a view. None lets it rise to a 500."""
    known = named(error)
    return response(context["request"]._request, known) if known else None


class ProblemMiddleware(Middleware):
    """Errors of views outside the REST framework, and refusals that come without a word."""

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, (HSIError, OperationalError, InterfaceError)):
            known = named(error)
            return answer(request, known) if known else None
        return None

    def after(self, request: HttpRequest, answered: HttpResponseBase) -> HttpResponseBase:
        """Whoever asked for JSON gets a problem also where Django says something else, or only a status."""
        if answered.status_code < 400 or answered.streaming or not wants_json(request):
            return answered
        if "json" in answered.headers.get("Content-Type", ""):
            return answered
        kept = {name: value for name, value in answered.headers.items() if name in ("Allow", "Retry-After", "Vary")}
        status = answered.status_code
        return response(request, FrameworkError(status, DETAILS.get(status, HTTPStatus(status).phrase), kept))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's `handler400`: a forged cookie, a form with too many fields, and what else Django finds suspicious."""
    refused_requests.note(client_network(request.META), "it is malformed")
    return answer(request, named(exception) or ValidationError(MALFORMED))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's `handler403`."""
    return answer(request, ForbiddenError())


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's `handler404`."""
    return answer(request, NotFoundError(NOTHING_HERE))


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's `handler500`."""
    return answer(request, HSIError(OUR_FAULT))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's `CSRF_FAILURE_VIEW`."""
    refused_requests.note(client_network(request.META), "a form without its CSRF token")
    return answer(request, CSRFError())
