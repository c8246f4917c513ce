"""One shape for every error: `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import logging
import math
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response

from hsi.errors import HSIError
from hsi.requestid import request_id

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
CODES = {
    400: "VALIDATION_ERROR",
    401: "NOT_AUTHENTICATED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    406: "NOT_ACCEPTABLE",
    409: "CONFLICT",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    429: "RATE_LIMIT_EXCEEDED",
    503: "UNAVAILABLE",
}


DATABASE_AWAY = "The database cannot be reached or is not up to date."


def body(request: HttpRequest, status: int, detail: str, code: str = "", **more: Any) -> dict[str, Any]:
    """The members of a problem. `code` is stable, `detail` is for people."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code or CODES.get(status, "INTERNAL_ERROR"),
        "detail": detail,
        "request_id": request_id(request),
        **more,
    }


def response(request: HttpRequest, status: int, detail: str, code: str = "") -> JsonResponse:
    """A problem outside the REST framework."""
    return JsonResponse(body(request, status, detail, code), status=status, content_type=CONTENT_TYPE)


def database_away(request: HttpRequest, error: DatabaseError | InterfaceError) -> JsonResponse:
    """503: nothing can be said or stored now. What the database said goes to the log, not to the caller."""
    logger.error("The database does not answer: %s", error)
    return response(request, 503, DATABASE_AWAY, "DATABASE_UNAVAILABLE")


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """What the REST framework calls for an exception of a view. None lets it rise to a 500."""
    request: HttpRequest = context["request"]._request
    if isinstance(error, HSIError):
        content = body(request, error.status, error.detail, error.code)
        return Response(content, error.status, headers=error.headers, content_type=CONTENT_TYPE)
    if isinstance(error, (OperationalError, InterfaceError)):
        logger.error("The database does not answer: %s", error)
        error = _DatabaseAway()
    elif isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if not isinstance(error, exceptions.APIException):
        return None
    return Response(
        body(request, error.status_code, **_words(error)),
        error.status_code,
        headers=_headers(error),
        content_type=CONTENT_TYPE,
    )


class _DatabaseAway(exceptions.APIException):
    status_code = 503
    default_detail = DATABASE_AWAY
    default_code = "DATABASE_UNAVAILABLE"


def _words(error: exceptions.APIException) -> dict[str, Any]:
    """The problem's detail, and the errors of single fields where there are some."""
    if isinstance(error, _DatabaseAway):
        return {"detail": DATABASE_AWAY, "code": error.default_code}
    if isinstance(error.detail, dict):
        return {"detail": "Some fields are not valid.", "errors": error.detail}
    if isinstance(error.detail, list):
        return {"detail": " ".join(map(str, error.detail))}
    return {"detail": str(error.detail)}


def _headers(error: exceptions.APIException) -> dict[str, str]:
    if error.status_code == 401:
        return {"WWW-Authenticate": "Bearer"}
    if wait_seconds := getattr(error, "wait", None):  # of exceptions.Throttled
        return {"Retry-After": str(math.ceil(wait_seconds))}
    return {}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's `handler400`: a body, a header or a form that is out of all bounds."""
    if request.path.startswith("/api/"):
        if isinstance(exception, RequestDataTooBig):
            return response(request, 413, "The body is too large.")
        return response(request, 400, "This request is not understood.")
    return defaults.bad_request(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's `handler404`: a problem for the API, a page for people."""
    if request.path.startswith("/api/"):
        return response(request, 404, "There is nothing at this address.")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Django's `handler500`."""
    if request.path.startswith("/api/"):
        return response(request, 500, "Something went wrong here. The log has the request id.")
    return defaults.server_error(request)
