from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, OperationalError
from django.http import Http404, HttpRequest
from django.test import Client, RequestFactory
from rest_framework import exceptions
from rest_framework.request import Request

from hsi import problem
from hsi.errors import HSIError, NotFoundError
from tests import factories

MEMBERS = {"type", "title", "status", "code", "detail", "request_id"}


def handled(error: Exception) -> tuple[int, dict[str, object], dict[str, str]]:
    request: HttpRequest = RequestFactory().get("/api/x")
    request.META["hsi.request_id"] = "r1"
    response = problem.exception_handler(error, {"request": Request(request)})
    assert response is not None
    assert response.content_type == "application/problem+json"
    return response.status_code, response.data, dict(response.headers)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (NotFoundError(), 404, "NOT_FOUND"),
        (HSIError("broken"), 500, "INTERNAL_ERROR"),
        (Http404(), 404, "NOT_FOUND"),
        (PermissionDenied(), 403, "FORBIDDEN"),
        (exceptions.NotAuthenticated(), 401, "NOT_AUTHENTICATED"),
        (exceptions.MethodNotAllowed("PUT"), 405, "METHOD_NOT_ALLOWED"),
        (exceptions.ParseError(), 400, "VALIDATION_ERROR"),
        (exceptions.UnsupportedMediaType("text/plain"), 415, "UNSUPPORTED_MEDIA_TYPE"),
        (exceptions.Throttled(wait=1.2), 429, "RATE_LIMIT_EXCEEDED"),
        (OperationalError("connection to 10.0.0.1 failed for user hsi"), 503, "DATABASE_UNAVAILABLE"),
    ],
)
def test_every_error_has_the_same_members_and_a_stable_code(error: Exception, status: int, code: str):
    answered, data, _ = handled(error)
    assert set(data) == MEMBERS
    assert (answered, data["status"], data["code"], data["request_id"]) == (status, status, code, "r1")


def test_errors_of_fields_are_listed_by_field():
    _, data, _ = handled(exceptions.ValidationError({"limit": ["Too much."]}))
    assert data["errors"] == {"limit": ["Too much."]}


def test_errors_without_a_field_are_the_detail():
    _, data, _ = handled(exceptions.ValidationError(["One.", "Two."]))
    assert (data["detail"], "errors" in data) == ("One. Two.", False)


def test_what_the_database_says_is_not_told():
    _, data, _ = handled(OperationalError("connection to 10.0.0.1 failed for user hsi"))
    assert "10.0.0.1" not in str(data)


def test_headers_that_belong_to_a_status_are_sent():
    assert handled(exceptions.NotAuthenticated())[2]["WWW-Authenticate"] == "Bearer"
    assert handled(exceptions.Throttled(wait=1.2))[2]["Retry-After"] == "2"


def test_an_error_nobody_foresaw_is_left_to_rise():
    request = Request(RequestFactory().get("/"))
    assert problem.exception_handler(KeyError("x"), {"request": request}) is None
    assert problem.exception_handler(IntegrityError("x"), {"request": request}) is None


def test_an_unknown_address_of_the_api_is_a_problem_and_elsewhere_a_page(rf: RequestFactory):
    answer = problem.not_found(rf.get("/api/nothing"), Http404())
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert problem.not_found(rf.get("/nothing"), Http404())["Content-Type"].startswith("text/html")
    assert problem.server_error(rf.get("/api/nothing"))["Content-Type"] == "application/problem+json"
    assert problem.server_error(rf.get("/nothing"))["Content-Type"].startswith("text/html")


@pytest.mark.django_db
def test_a_problem_carries_the_request_id_of_its_caller(client: Client):
    client.force_login(factories.admin())
    response = client.get("/api/events/1", headers={"X-Request-ID": "abc-1"})
    assert (response["X-Request-ID"], response.json()["request_id"]) == ("abc-1", "abc-1")
    response = client.get("/api/events/1", headers={"X-Request-ID": "a b"})
    assert response.json()["request_id"] == response["X-Request-ID"] != "a b"


@pytest.mark.django_db
def test_a_method_that_is_not_there_says_which_are(client: Client):
    client.force_login(factories.admin())
    response = client.delete("/api/events")
    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD, OPTIONS")
