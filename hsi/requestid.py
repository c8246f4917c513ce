"""`X-Request-ID`: taken from the caller where it is sane, else made; sent back with every answer."""

from __future__ import annotations

import re
import uuid

from django.http import HttpRequest, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

SANE = re.compile(r"[A-Za-z0-9._-]{1,64}")
HEADER = "X-Request-ID"


class RequestIdMiddleware(MiddlewareMixin):
    def process_request(self, request: HttpRequest) -> None:
        given = request.headers.get(HEADER, "")
        request.META["hsi.request_id"] = given if SANE.fullmatch(given) else uuid.uuid4().hex

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response.headers[HEADER] = request_id(request)
        return response


def request_id(request: HttpRequest) -> str:
    return str(request.META.get("hsi.request_id", ""))
