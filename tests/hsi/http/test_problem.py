from __future__ import annotations

import json
import re

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, OperationalError
from django.http import Http404, HttpRequest
from django.test import Client, RequestFactory
from rest_framework import exceptions
from rest_framework.request import Request

from hsi.errors import HSIError, NotFoundError
from hsi.http import problem
from hsi.http.request_state import state_of
from tests import factories

MEMBERS = {"type", "title", "status", "code", "detail", "request_id"}


def handled(error: Exception) -> tuple[int, dict[str, object], dict[str, str]]:
    request: HttpRequest = RequestFactory().get("/api/x")
    state_of(request).request_id = "r1"
    response = problem.exception_handler(error, {"request": Request(request)})
    assert response is not None
    assert response["Content-Type"] == "application/problem+json"
    return response.status_code, json.loads(response.content), dict(response.headers)


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


JSON = {"Accept": "application/json"}


@pytest.fixture
def signed_in(client: Client) -> Client:
    client.force_login(factories.admin())
    client.raise_request_exception = False
    return client


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "address", "headers", "status", "code"),
    [
        ("get", "/nothing", JSON, 404, "NOT_FOUND"),
        ("get", "/admin/nothing", JSON, 404, "NOT_FOUND"),
        ("get", "/api/events/%00", {}, 400, "VALIDATION_ERROR"),
        ("get", "/api/events?camera=%00", {}, 400, "VALIDATION_ERROR"),
        ("get", "/admin/cameras/upload/?state=%00", JSON, 400, "VALIDATION_ERROR"),
        ("get", "/api/cameras/%ff", {}, 404, "NOT_FOUND"),
        ("get", "/api/%ed%a0%80", {}, 404, "NOT_FOUND"),
        ("get", "/api/cameras", {"Host": "elsewhere.example"}, 400, "VALIDATION_ERROR"),
        ("get", "/login", {"Host": "elsewhere.example", **JSON}, 400, "VALIDATION_ERROR"),
        ("put", "/", JSON, 405, "METHOD_NOT_ALLOWED"),
        ("get", "/logout", JSON, 405, "METHOD_NOT_ALLOWED"),
        ("delete", "/health/ready", {}, 405, "METHOD_NOT_ALLOWED"),
        ("post", "/api/tokens", {"Content-Length": "1048577"}, 413, "PAYLOAD_TOO_LARGE"),
        ("post", "/api/tokens", {"Content-Length": "9" * 400}, 413, "PAYLOAD_TOO_LARGE"),
        ("post", "/api/tokens", {"Content-Length": "-1"}, 400, "VALIDATION_ERROR"),
    ],
)
def test_whoever_asks_for_json_gets_a_problem_whatever_is_wrong(
    signed_in: Client, method: str, address: str, headers: dict[str, str], status: int, code: str
):
    answer = getattr(signed_in, method)(address, headers=headers)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert (answer.json()["code"], answer.json()["request_id"]) == (code, answer["X-Request-ID"])
    assert status != 405 or answer["Allow"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("accept", "kind"), [("application/json", "application/problem+json"), ("text/html", "text/html")]
)
def test_a_fault_of_ours_tells_nothing_but_where_to_look(
    signed_in: Client, monkeypatch: pytest.MonkeyPatch, accept: str, kind: str
):
    def broken(_: object) -> None:
        raise KeyError("/srv/secret")

    monkeypatch.setattr("events.home.views.rejected_today", broken)
    answer = signed_in.get("/", headers={"Accept": accept, "X-Request-ID": "find-me"})
    assert (answer.status_code, answer["Content-Type"].partition(";")[0]) == (500, kind)
    assert "find-me" in answer.content.decode()
    assert "secret" not in answer.content.decode()


@pytest.mark.django_db
def test_a_page_says_so_when_the_database_is_away(signed_in: Client, monkeypatch: pytest.MonkeyPatch):
    def away(_: object) -> None:
        raise OperationalError("connection to 10.0.0.1 failed")

    monkeypatch.setattr("events.home.views.rejected_today", away)
    answer = signed_in.get("/")
    assert answer.status_code == 503
    assert "cannot be reached" in answer.content.decode()


@pytest.mark.django_db
def test_a_forged_form_is_refused_in_words(signed_in: Client):
    careful = Client(enforce_csrf_checks=True)
    for headers, kind in ((JSON, "application/problem+json"), ({}, "text/html")):
        answer = careful.post("/login", {"username": "x", "password": "y"}, headers=headers)
        assert (answer.status_code, answer["Content-Type"].partition(";")[0]) == (403, kind)
        assert "CSRF_FAILED" in answer.content.decode() or "Reload the page" in answer.content.decode()


@pytest.mark.django_db
def test_errors_for_people_are_pages_of_ours(signed_in: Client):
    text = signed_in.get("/nothing").content.decode()
    assert "Not found" in text
    assert re.search(r'class="id">[0-9a-f]{32}<', text)
    assert "<script>" not in signed_in.get("/nothing/<script>").content.decode()


@pytest.mark.one_engine
def test_every_named_error_has_a_code_a_status_and_words():
    def all_of(kind: type[HSIError]) -> list[type[HSIError]]:
        return [kind, *(one for below in kind.__subclasses__() for one in all_of(below))]

    for kind in all_of(HSIError):
        assert re.fullmatch(r"[A-Z][A-Z_]+", kind.code), kind
        assert 400 <= kind.status <= 599, kind
        assert (kind.__doc__ or "").strip(), kind


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
