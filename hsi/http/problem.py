"""Render every error the same way: `application/problem+json` (RFC 9457) for programs, a page for people."""

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
    InvalidRequestError,
    NotAuthenticatedError,
    NotFoundError,
    PayloadTooLargeError,
    RateLimitError,
)
from hsi.http import refusal_log
from hsi.http.client_address import client_network
from hsi.http.middleware import Middleware
from hsi.http.request_state import state_of

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
# Error codes of statuses that only Django or the REST framework set.
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
    400: "Bad request",
    403: "Forbidden",
    404: "Not found",
    413: "Too large",
    429: "Too many requests",
    500: "Something went wrong",
    503: "Service unavailable",
}
DETAILS = {405: "This address does not support the method of the request."}
MALFORMED = "The request is malformed, or its host name is not in ALLOWED_HOSTS."
NOTHING_HERE = "The page does not exist or was removed."
OUR_FAULT = "An internal error occurred. The log has the details."


def wants_json(request: HttpRequest) -> bool:
    return request.path_info.startswith(("/api/", "/health/", "/metrics")) or "json" in request.headers.get(
        "Accept", ""
    )


def document(error: HSIError) -> dict[str, Any]:
    """Return the members of a problem document. `code` is stable, `detail` is for people."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "code": error.code,
        "detail": error.detail,
        **error.members,
    }


def response(request: HttpRequest, error: HSIError) -> JsonResponse:
    """Render `error` as a problem document."""
    members = {**document(error), "request_id": state_of(request).request_id}
    return JsonResponse(members, status=error.status, content_type=CONTENT_TYPE, headers=error.headers)


def raw_answer(error: HSIError) -> bytes:
    """Return a raw HTTP response that closes its connection, for requests that do not reach Django."""
    content = json.dumps(document(error)).encode()
    headers = {"Content-Type": CONTENT_TYPE, "Content-Length": len(content), "Connection": "close", **error.headers}
    lines = [f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


def page(request: HttpRequest, error: HSIError) -> HttpResponse:
    """Render `error` as a page without database queries, because the database may be down."""
    title = TITLES.get(error.status) or HTTPStatus(error.status).phrase
    context = {
        "title": title,
        "detail": error.detail,
        "status": error.status,
        "request_id": state_of(request).request_id,
    }
    content = render_to_string("hsi/error.html", context)
    return HttpResponse(content, status=error.status, headers={"Cache-Control": "no-store", **error.headers})


def render(request: HttpRequest, error: HSIError) -> HttpResponse:
    """Render `error` in the format the client accepts."""
    return response(request, error) if wants_json(request) else page(request, error)


def plain_text(error: HSIError) -> HttpResponse:
    """Render `error` as one line of text. This is cheap, so it serves unknown clients."""
    return HttpResponse(f"{error.detail}\n", status=error.status, content_type="text/plain; charset=utf-8")


class FrameworkError(HSIError):
    """An error of Django or the REST framework, with its status and detail."""

    retryable = False

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.code = status, CODES.get(status, "INTERNAL_ERROR")
        self._headers = headers or {}

    @property
    def headers(self) -> dict[str, str]:
        return self._headers


def as_hsi_error(error: Exception) -> HSIError | None:
    """Convert `error` to an HSIError with a code and a status. Return None for an unexpected error, which is a 500."""
    if isinstance(error, HSIError):
        return error
    if isinstance(error, (OperationalError, InterfaceError)):
        # The database message goes to the log, not to the client.
        logger.error("The database does not answer: %s", error)
        return DatabaseUnavailableError()
    if isinstance(error, exceptions.APIException):
        return _of_the_framework(error)
    if isinstance(error, Http404):
        return NotFoundError(NOTHING_HERE)
    if isinstance(error, PermissionDenied):
        return ForbiddenError()
    if isinstance(error, RequestDataTooBig):
        return PayloadTooLargeError()
    return InvalidRequestError(MALFORMED) if isinstance(error, SuspiciousOperation) else None


def _of_the_framework(error: exceptions.APIException) -> HSIError:
    if isinstance(error, exceptions.ValidationError):
        if isinstance(error.detail, dict):
            return InvalidRequestError(errors=error.detail)
        return InvalidRequestError(" ".join(map(str, error.detail)))
    if isinstance(error, (exceptions.NotAuthenticated, exceptions.AuthenticationFailed)):
        return NotAuthenticatedError()
    if isinstance(error, exceptions.Throttled):
        return RateLimitError(retry_after_seconds=getattr(error, "wait", None) or 1)
    return FrameworkError(error.status_code, str(error.detail))


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """Handle an exception of a REST framework view. Returning None re-raises it, so that it becomes a 500."""
    known = as_hsi_error(error)
    return response(context["request"]._request, known) if known else None


class ProblemMiddleware(Middleware):
    """Render errors of views outside the REST framework, and error responses without a body."""

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, (HSIError, OperationalError, InterfaceError)):
            known = as_hsi_error(error)
            return render(request, known) if known else None
        return None

    def after(self, request: HttpRequest, answered: HttpResponseBase) -> HttpResponseBase:
        """Replace an HTML or empty error response by a problem document when the client accepts JSON."""
        if answered.status_code < 400 or answered.streaming or not wants_json(request):
            return answered
        if "json" in answered.headers.get("Content-Type", ""):
            return answered
        kept = {name: value for name, value in answered.headers.items() if name in ("Allow", "Retry-After", "Vary")}
        status = answered.status_code
        return response(request, FrameworkError(status, DETAILS.get(status, HTTPStatus(status).phrase), kept))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Handle status 400 (Django's `handler400`): forged cookies, oversized forms and other suspicious input."""
    refusal_log.record(client_network(request.META), "malformed request")
    return render(request, as_hsi_error(exception) or InvalidRequestError(MALFORMED))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Handle status 403 (Django's `handler403`)."""
    return render(request, ForbiddenError())


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Handle status 404 (Django's `handler404`)."""
    return render(request, NotFoundError(NOTHING_HERE))


def server_error(request: HttpRequest) -> HttpResponse:
    """Handle status 500 (Django's `handler500`)."""
    return render(request, HSIError(OUR_FAULT))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Handle a failed CSRF check (Django's `CSRF_FAILURE_VIEW`)."""
    refusal_log.record(client_network(request.META), "a form without its CSRF token")
    return render(request, CSRFError())
