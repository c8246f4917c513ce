"""The base class of middleware that does not block, and the middleware for request ids."""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase

from hsi.http.request_state import state_of
from hsi.logs import context

SANE = re.compile(r"[A-Za-z0-9._-]{1,64}")
HEADER = "X-Request-ID"


class Middleware:
    """Calls `before` with each request and `after` with its response.

    Both are plain calls, so they must not read a database or a cache. Django's own `MiddlewareMixin` allows that, but
    under ASGI it switches threads for each of the two.
    """

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if iscoroutinefunction(self.get_response):
            return self._later(request)
        self.before(request)
        return self.after(request, self.get_response(request))

    async def _later(self, request: HttpRequest) -> HttpResponseBase:
        self.before(request)
        return self.after(request, await self.get_response(request))

    def before(self, request: HttpRequest) -> None:
        """Handle a request before its view."""

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Handle the response of a request, and return it or another one."""
        return response


class RequestIdMiddleware(Middleware):
    """Give each request an id for its log lines and its answer: that of the caller where it is usable."""

    def before(self, request: HttpRequest) -> None:
        given = request.headers.get(HEADER, "")
        state = state_of(request)
        state.request_id = given if SANE.fullmatch(given) else uuid.uuid4().hex
        context.add(request=state.request_id)

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response.headers[HEADER] = state_of(request).request_id
        context.clear()
        return response
