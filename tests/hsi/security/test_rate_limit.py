from __future__ import annotations

import time
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client, RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from hsi.http import refusal_log
from hsi.http.refusal_log import RefusalLog
from hsi.security import rate_limit
from hsi.security.rate_limit import WINDOW_SECONDS, check, kind_of
from tests import factories

pytestmark = pytest.mark.django_db

START = 1_800_000_000.0  # the beginning of a minute
START -= START % WINDOW_SECONDS


@pytest.fixture(autouse=True)
def _limits(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RATE_LIMIT_ENABLED = True
    settings.RATE_LIMIT_REQUESTS_PER_MINUTE = 6
    settings.RATE_LIMIT_MEDIA_REQUESTS_PER_MINUTE = 12
    settings.RATE_LIMIT_WRONG_TOKENS_PER_MINUTE = 3
    settings.RATE_LIMIT_BURST = 0
    rate_limit.forget()
    monkeypatch.setattr(refusal_log, "refusals", RefusalLog())
    monkeypatch.setattr(refusal_log, "record", refusal_log.refusals.record)


def admitted(times: list[float]) -> list[float]:
    return [at for at in times if not check("general", "me", now=at).wait_seconds]


def test_so_many_are_let_through_and_the_rest_is_told_when_to_come_again():
    verdicts = [check("general", "me", now=START + 30) for _ in range(8)]
    assert [verdict.remaining for verdict in verdicts] == [5, 4, 3, 2, 1, 0, 0, 0]
    assert [verdict.wait_seconds > 0 for verdict in verdicts] == [False] * 6 + [True] * 2
    wait = verdicts[-1].wait_seconds
    assert verdicts[-2].wait_seconds == wait  # to ask too early costs nothing
    assert check("general", "me", now=START + 30 + wait - 1).wait_seconds > 0
    assert check("general", "me", now=START + 30 + wait + 0.01).wait_seconds == 0


def test_the_burst_comes_on_top_and_others_are_counted_on_their_own(settings):
    settings.RATE_LIMIT_BURST = 2
    assert len(admitted([START] * 20)) == 8
    assert check("general", "another", now=START).wait_seconds == 0
    assert check("media", "me", now=START).wait_seconds == 0


@given(st.lists(st.floats(0, 300, allow_nan=False), max_size=120))
def test_no_minute_lets_much_more_through_than_it_should(moments: list[float]):
    cache.clear()
    let_in = admitted(sorted(START + moment for moment in moments))
    for at in let_in:
        # Two counters take the last minute for evenly spread, so a window across two can have up to twice.
        assert sum(at <= one < at + WINDOW_SECONDS for one in let_in) <= 12


def test_a_wait_is_never_too_short_and_never_longer_than_two_minutes():
    for at in (START, START + 1, START + 59.9):
        cache.clear()
        admitted([at] * 6)
        wait = check("general", "me", now=at).wait_seconds
        assert 0 < wait <= 2 * WINDOW_SECONDS
        assert check("general", "me", now=at + wait + 0.01).wait_seconds == 0


def test_a_cache_that_is_away_limits_nobody(settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    assert len(admitted([START] * 50)) == 50


@pytest.mark.parametrize(
    ("method", "address", "kind"),
    [
        ("get", "/api/events", "general"),
        ("get", "/api/events?q=red+car", "search"),
        ("get", "/api/events/export?q=red+car", "export"),
        ("get", "/api/events/4/snapshot?q=1", "media"),
        ("get", "/api/events/export?format=csv", "export"),
        ("get", "/api/events/7/snapshot?boxes=1", "media"),
        ("get", "/api/uploads/7/thumbnail", "media"),
        ("get", "/api/uploads/7/file", "media"),
        ("post", "/api/cameras/door/uploads", "upload"),
        ("post", "/api/events/7/reanalyse", "ai"),
        ("post", "/login", "general"),
    ],
)
def test_what_is_asked_for_tells_its_kind(settings: Any, method: str, address: str, kind: str):
    assert kind_of(getattr(RequestFactory(), method)(address)) == kind
    assert getattr(settings, rate_limit.LIMITS[kind])


def test_too_many_requests_of_a_token_are_refused_with_the_time_to_wait(client: Client):
    headers = {"X-API-Key": factories.token(factories.admin())}
    answers = [client.get("/api/cameras", headers=headers) for _ in range(7)]
    assert [one.status_code for one in answers] == [200] * 6 + [429]
    assert [one["RateLimit-Limit"] for one in answers] == ["6"] * 7
    assert answers[0]["RateLimit-Remaining"] == "5"
    refused = answers[-1]
    assert refused.json()["code"] == "RATE_LIMIT_EXCEEDED"
    assert 1 <= int(refused["Retry-After"]) <= 120
    assert client.get("/api/uploads/1/thumbnail", headers=headers).status_code == 404  # pictures have their own


def test_a_person_who_looks_at_a_wall_of_pictures_is_not_punished(client: Client, settings):
    settings.RATE_LIMIT_MEDIA_REQUESTS_PER_MINUTE = 120
    client.force_login(factories.admin())
    statuses = [client.get(f"/api/uploads/{one % 60 + 1}/thumbnail").status_code for one in range(180)]
    assert set(statuses) == {404}


def test_strangers_are_counted_by_their_address_and_liveness_is_not_counted():
    factories.user()
    statuses = [Client(REMOTE_ADDR="192.0.2.1").get("/api/cameras").status_code for _ in range(7)]
    assert statuses == [401] * 6 + [429]
    assert Client(REMOTE_ADDR="192.0.2.2").get("/api/cameras").status_code == 401
    assert Client(REMOTE_ADDR="2001:db8::1").get("/login").status_code == 200
    page = [Client(REMOTE_ADDR=f"2001:db8::{one}").get("/login") for one in range(2, 8)][-1]
    assert page.status_code == 429
    assert "Too many requests" in page.content.decode()
    assert {Client(REMOTE_ADDR="192.0.2.1").get("/health/live").status_code for _ in range(20)} == {200}


def test_every_wrong_token_counts_also_the_same_one_again():
    factories.user()
    client = Client(REMOTE_ADDR="192.0.2.1")
    statuses = [client.get("/api/cameras", headers={"X-API-Key": "hsi_old"}).status_code for _ in range(5)]
    assert statuses == [401] * 4 + [429]


def test_a_guesser_gets_no_look_into_the_database_and_what_is_known_at_its_address_goes_on(django_assert_num_queries):
    known, fresh = (factories.token(factories.admin()) for _ in range(2))
    client = Client(REMOTE_ADDR="192.0.2.1")
    assert client.get("/api/cameras", headers={"X-API-Key": known}).status_code == 200
    for one in range(4):
        client.get("/api/cameras", headers={"X-API-Key": f"hsi_{one}"})
    with django_assert_num_queries(0):
        guess = client.get("/api/cameras", headers={"X-API-Key": "hsi_5"})
    assert (guess.status_code, guess.json()["detail"]) == (429, "Too many invalid tokens.")
    assert 1 <= int(guess["Retry-After"]) <= 120
    assert client.get("/api/cameras", headers={"X-API-Key": fresh}).status_code == 429
    assert client.get("/api/cameras", headers={"X-API-Key": known}).status_code == 200
    elsewhere = Client(REMOTE_ADDR="192.0.2.2").get("/api/cameras", headers={"X-API-Key": fresh})
    assert elsewhere.status_code == 200


def test_made_up_sessions_count_as_guesses_and_whoever_signs_in_at_that_address_stays_signed_in(
    settings: Any, django_assert_num_queries
):
    settings.RATE_LIMIT_REQUESTS_PER_MINUTE = 60
    factories.user("anna")
    stranger = Client(REMOTE_ADDR="192.0.2.1")
    for one in range(4):
        stranger.cookies[settings.SESSION_COOKIE_NAME] = f"{one}" * 32
        assert stranger.get("/").status_code == 302
    stranger.cookies[settings.SESSION_COOKIE_NAME] = "x" * 32
    with django_assert_num_queries(0):
        assert stranger.get("/").status_code == 302
    person = Client(REMOTE_ADDR="192.0.2.1")
    assert person.post("/login", {"username": "anna", "password": factories.PASSWORD}).status_code == 302
    assert person.get("/api/cameras").status_code == 200


def test_a_request_is_counted_before_its_host_is_looked_at(settings: Any, caplog: pytest.LogCaptureFixture):
    factories.user()
    client = Client(REMOTE_ADDR="198.51.100.7")
    answers = [client.get("/login", headers={"Host": f"scanner{one}.example"}) for one in range(10)]
    assert [one.status_code for one in answers] == [400] * 6 + [429] * 4
    assert {one["Content-Type"] for one in answers[:6]} == {"text/plain; charset=utf-8"}
    lines = [record for record in caplog.records if record.levelname != "DEBUG"]
    assert [record.getMessage() for record in lines] == [
        "Rejected a request from 198.51.100.7: host name not in ALLOWED_HOSTS"
    ]
    assert lines[0].exc_info is None


def test_a_missing_static_file_is_counted_as_any_address(settings: Any):
    factories.user()
    client = Client(REMOTE_ADDR="198.51.100.8")
    assert [client.get("/static/none.css").status_code for _ in range(7)] == [404] * 6 + [429]


@pytest.mark.one_engine
def test_to_count_in_memory_costs_next_to_nothing():
    rounds = 500
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        for one in range(rounds):
            check("general", f"client{one}")
        best = min(best, time.perf_counter() - began)
    assert best / rounds < 0.0002


def test_the_handshake_of_a_socket_is_told_how_long_to_wait(settings):
    settings.RATE_LIMIT_WEBSOCKET_CONNECTIONS_PER_MINUTE = 2
    assert [rate_limit.allow("websocket", "192.0.2.1") > 0 for _ in range(3)] == [False, False, True]
    settings.RATE_LIMIT_ENABLED = False
    assert rate_limit.allow("websocket", "192.0.2.1") == 0
