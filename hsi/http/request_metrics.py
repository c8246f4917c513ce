"""The middlewares of django-prometheus (`django_http_*`): the first and the last of all.

Under ASGI, Django's `MiddlewareMixin` changes threads for each of its hooks. Counting waits for nothing, so these hooks
are plain calls.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django_prometheus.middleware import PrometheusAfterMiddleware, PrometheusBeforeMiddleware


class CountsInLoop:
    """Calls the hooks of a middleware in the event loop."""

    process_request: Callable[[HttpRequest], None]
    process_response: Callable[[HttpRequest, HttpResponseBase], HttpResponseBase]
    get_response: Callable[[HttpRequest], Any]

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        self.process_request(request)
        return self.process_response(request, await self.get_response(request))


class FirstMiddleware(CountsInLoop, PrometheusBeforeMiddleware):  # type: ignore[misc]
    """Counts every request, and times it with all middlewares."""


class LastMiddleware(CountsInLoop, PrometheusAfterMiddleware):  # type: ignore[misc]
    """Counts the requests that authentication let pass, by view."""

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        super().__init__(get_response)
        if self.async_mode:
            self.process_view = self._process_view_in_loop

    def process_request(self, request: HttpRequest) -> None:
        with suppress(ValueError):  # a Content-Length that is no number, which liveness does not refuse
            super().process_request(request)

    async def _process_view_in_loop(self, request: HttpRequest, *view: Any) -> None:
        super().process_view(request, *view)

    def label_metric(self, metric: Any, request: HttpRequest, response: Any = None, **labels: Any) -> Any:
        """Name no method that HTTP does not have: a client could fill the memory with made-up ones."""
        if "method" in labels:
            labels["method"] = self._method(request)
        return super().label_metric(metric, request, response, **labels)
