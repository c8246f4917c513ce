from __future__ import annotations

import threading
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client
from prometheus_client import REGISTRY

from hsi.http.request_metrics import FirstMiddleware, LastMiddleware

pytestmark = pytest.mark.django_db


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_method_that_http_does_not_have_makes_no_label(client: Client):
    client.generic("MADE-UP", "/health/live")
    labels = [
        sample.labels["method"]
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if metric.name.startswith("django_http") and "method" in sample.labels
    ]
    assert "<invalid method>" in labels
    assert "MADE-UP" not in labels


@pytest.mark.parametrize("length", ["x", "-1", "1e3"])
def test_a_content_length_that_is_no_number_is_no_failure(client: Client, length: str):
    assert client.get("/health/live", CONTENT_LENGTH=length).status_code < 500


def test_a_request_that_is_refused_before_any_view_is_counted(client: Client):
    before = value("django_http_responses_before_middlewares_total")
    assert client.get("/api/queues").status_code in (401, 503)
    assert value("django_http_responses_before_middlewares_total") == before + 1


async def test_under_asgi_the_view_is_counted_once(async_client: AsyncClient):
    labels = {"method": "GET", "transport": "http", "view": "monitoring.health.probes.live"}
    name = "django_http_requests_total_by_view_transport_method_total"
    before = value(name, **labels)
    assert (await async_client.get("/health/live")).status_code == 200
    assert value(name, **labels) == before + 1


@pytest.mark.parametrize("middleware", [FirstMiddleware, LastMiddleware])
async def test_under_asgi_counting_stays_in_the_thread_of_the_event_loop(
    middleware: type[Any], monkeypatch: pytest.MonkeyPatch
):
    threads = []

    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    def process_request(self: Any, request: HttpRequest) -> None:
        threads.append(threading.get_ident())

    monkeypatch.setattr(middleware, "process_request", process_request)
    request = HttpRequest()
    request.method = "GET"
    await middleware(view)(request)
    assert threads == [threading.get_ident()]
