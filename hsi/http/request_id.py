"""`X-Request-ID`: taken from the caller where it is sane, else made; in every log line and in every answer."""

from __future__ import annotations

import re
import uuid

from django.http import HttpRequest, HttpResponseBase

from hsi.http.middleware import Middleware
from hsi.logs import context

SANE = re.compile(r"[A-Za-z0-9._-]{1,64}")
HEADER = "X-Request-ID"


class RequestIdMiddleware(Middleware):
    def before(self, request: HttpRequest) -> None:
        given = request.headers.get(HEADER, "")
        request.META["hsi.request_id"] = given if SANE.fullmatch(given) else uuid.uuid4().hex
        context.add(request=request_id(request))

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response.headers[HEADER] = request_id(request)
        context.clear()
        return response


def request_id(request: HttpRequest) -> str:
    return str(request.META.get("hsi.request_id", ""))
