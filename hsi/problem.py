"""One shape for every error: `application/problem+json` (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response

from hsi.errors import HSIError
from hsi.requestid import request_id

CONTENT_TYPE = "application/problem+json"
CODES = {
    400: "VALIDATION_ERROR",
    401: "NOT_AUTHENTICATED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    406: "NOT_ACCEPTABLE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    429: "RATE_LIMIT_EXCEEDED",
    503: "UNAVAILABLE",
}


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


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """What the REST framework calls for an exception of a view. None lets it rise to a 500."""
    request: HttpRequest = context["request"]._request
    if isinstance(error, HSIError):
        return Response(body(request, error.status, error.detail, error.code), error.status, content_type=CONTENT_TYPE)
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if not isinstance(error, exceptions.APIException):
        return None
    more: dict[str, Any] = {}
    detail = "Some fields are not valid."
    if isinstance(error, exceptions.ValidationError) and isinstance(error.detail, dict):
        more["errors"] = error.detail
    elif isinstance(error.detail, list):
        detail = " ".join(map(str, error.detail))
    else:
        detail = str(error.detail)
    headers = {"WWW-Authenticate": "Bearer"} if error.status_code == 401 else None
    return Response(
        body(request, error.status_code, detail, **more), error.status_code, headers=headers, content_type=CONTENT_TYPE
    )
