from __future__ import annotations

import time
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client, RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from hsi import ratelimit
from hsi.ratelimit import WINDOW_SECONDS, check, kind_of
from tests import factories

pytestmark = pytest.mark.django_db

START = 1_800_000_000.0  # the beginning of a minute
START -= START % WINDOW_SECONDS


@pytest.fixture(autouse=True)
def _limits(settings: Any) -> None:
    settings.RATE_LIMIT_ENABLED = True
    settings.RATE_LIMIT_REQUESTS_PER_MINUTE = 6
    settings.RATE_LIMIT_MEDIA_REQUESTS_PER_MINUTE = 12
    settings.RATE_LIMIT_WRONG_TOKENS_PER_MINUTE = 3
    settings.RATE_LIMIT_BURST = 0


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
    assert getattr(settings, ratelimit.LIMITS[kind])


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
    assert "Too much at once" in page.content.decode()
    assert {Client(REMOTE_ADDR="192.0.2.1").get("/health/live").status_code for _ in range(20)} == {200}


def test_whoever_guesses_tokens_is_not_listened_to_but_an_old_token_that_is_repeated_is_no_guess():
    good = factories.token(factories.admin())
    client = Client(REMOTE_ADDR="192.0.2.1")
    repeated = [client.get("/api/cameras", headers={"X-API-Key": "hsi_old"}).status_code for _ in range(20)]
    assert set(repeated) == {401}
    assert client.get("/api/cameras", headers={"X-API-Key": good}).status_code == 200
    guesses = [client.get("/api/cameras", headers={"X-API-Key": f"hsi_{one}"}).status_code for one in range(5)]
    assert guesses[-1] == 429
    refused = client.get("/api/cameras", headers={"X-API-Key": good})
    assert (refused.status_code, refused.json()["detail"]) == (429, "Too many wrong tokens.")
    assert 1 <= int(refused["Retry-After"]) <= 120
    elsewhere = Client(REMOTE_ADDR="192.0.2.2").get("/api/cameras", headers={"X-API-Key": good})
    assert elsewhere.status_code == 200


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
    assert [ratelimit.allow("websocket", "192.0.2.1") > 0 for _ in range(3)] == [False, False, True]
    settings.RATE_LIMIT_ENABLED = False
    assert ratelimit.allow("websocket", "192.0.2.1") == 0
