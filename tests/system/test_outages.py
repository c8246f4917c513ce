"""What the system stands on goes away and comes back: databases, AI services, the right time.

`HSI_OUTAGE_SECONDS` is how much longer than it takes to be noticed an AI service stays away (a full proof takes 60).
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests import files
from tests.engines.private_postgres import PrivatePostgres, private_postgres
from tests.engines.private_valkey import PrivateValkey
from tests.peers.cable import Cable
from tests.peers.detectors import Answer, ClosedEarly, Received, Reply, Silence, Trickle, json_answer
from tests.system import wrong_clock
from tests.system.invariants import check, settled
from tests.system.load import Load, send
from tests.system.running import Running
from tests.system.service import Service

pytestmark = [pytest.mark.slow, pytest.mark.one_engine]

OUTAGE_SECONDS = float(os.environ.get("HSI_OUTAGE_SECONDS", "0"))


@contextmanager
def restarted(postgres: PrivatePostgres, how: signal.Signals) -> Iterator[None]:
    postgres.stop(how)
    yield
    postgres.start()


@contextmanager
def used_up(postgres: PrivatePostgres) -> Iterator[None]:
    held = postgres.use_up()
    yield
    for one in held:
        one.close()


@contextmanager
def away(redis: PrivateValkey) -> Iterator[None]:
    redis.stop()
    yield
    redis.start()


def status(service: Running, path: str) -> int:
    return httpx.get(service.url + path, timeout=15).status_code


def test_a_database_that_restarts_or_takes_nobody_in_and_a_redis_that_restarts_lose_nothing(
    child_environment, own_redis, services, tell
):
    """The processes wait, all of them, and go on by themselves."""
    with private_postgres(max_connections=80) as postgres:
        environment = child_environment | {"DATABASE_URL": postgres.url}
        service = Service(environment, own_redis.url, DATABASE_POOL_TIMEOUT="5", **services)
        database_away = [
            restarted(postgres, signal.SIGINT),
            restarted(postgres, signal.SIGQUIT),
            used_up(postgres),
        ]
        try:
            service.start_service()
            service.connect()
            with Load(service, 60, pause_seconds=0.2) as load:
                for number, outage in enumerate(database_away):
                    load.reaches(8 + 10 * number)
                    with outage:
                        assert status(service, "/health/live") == 200
                        assert status(service, "/health/ready") == 503
                        assert status(service, "/health/live") == 200
                    service.until(service._ready)
                load.reaches(50)
                with away(own_redis):
                    assert status(service, "/health/ready") == 200
                    service.until(lambda: service.get("/api/system/health")["checks"]["queues"]["status"] == "degraded")
            settled(service, 60)
            figures = check(service, load.sent)
            assert not any(service.deaths.values())
            tell(f"PostgreSQL away three times, Redis once, {figures}")
        finally:
            ended = service.stop()
        assert ended == 0


def test_a_database_that_refuses_what_could_not_be_serialized_loses_nothing(
    child_environment, own_redis, services, tell
):
    """Each transaction is a serializable one: those that come in each other's way are refused, and tried again."""
    with private_postgres() as postgres:
        with postgres.connect() as connection:
            connection.execute("ALTER DATABASE hsi SET default_transaction_isolation TO serializable")
        environment = child_environment | {"DATABASE_URL": postgres.url}
        service = Service(environment, own_redis.url, **services)
        try:
            service.start_service()
            service.connect()
            with Load(service, 60, pause_seconds=0.02) as load:
                pass
            settled(service, 60)
            refused = service.log.read_text().count("could not serialize access")
            assert refused
            tell(f"{refused} transactions refused, {check(service, load.sent)}")
        finally:
            ended = service.stop()
        assert ended == 0


def test_the_detector_goes_then_the_language_model_and_one_event_is_told_by_rules_then_judged(
    on_postgres, own_redis, detector, model
):
    with Cable(detector.url) as to_detector, Cable(model.url) as to_model:
        service = Service(
            on_postgres,
            own_redis.url,
            RTDETR_URL=to_detector.url,
            NEMOTRON_URL=to_model.url,
            CIRCUIT_FAILURE_THRESHOLD="2",
            CIRCUIT_RECOVERY_TIMEOUT_SECONDS="0.5",
            CIRCUIT_SUCCESS_THRESHOLD="1",
            BATCH_IDLE_TIMEOUT_SECONDS="5",
            BATCH_WINDOW_SECONDS="30",
        )
        try:
            service.start_service()
            service.connect()
            to_detector.pull()
            sent = [service.put(f"door/{number}.jpg", data) for number, data in pictures(4)]
            service.until(lambda: breakers(service, "rtdetr")[:1] == ["open"])
            service.until(lambda: [upload["state"] for upload in service.uploads()] == ["waiting"] * 4)
            service.until(lambda: health_of(service, "breakers") == "degraded")
            stays_away()
            assert [upload["state"] for upload in service.uploads()] == ["waiting"] * 4
            assert service.all("/api/events") == []

            to_model.pull()
            to_detector.plug_in()
            service.until(lambda: [upload["state"] for upload in service.uploads()] == ["detected"] * 4)
            service.until(lambda: breakers(service, "nemotron")[:1] == ["open"])
            [told] = service.all("/api/events")
            assert (told["risk_source"], told["analysis"]) == ("rules", "pending")
            assert service.get("/api/system/health")["waiting"]["batches_waiting"] == 1
            service.until(lambda: health_of(service, "breakers") == "degraded")
            stays_away()
            [still] = service.all("/api/events")
            assert (still["id"], still["risk_source"], still["analysis"]) == (told["id"], "rules", "pending")

            to_model.plug_in()
            settled(service, len(sent))
            [judged] = service.all("/api/events")
            assert judged["id"] == told["id"]
            check(service, [f"door/{path.name}" for path in sent])
            history = [
                (message["type"], message["data"]["risk_source"], message["data"]["analysis"])
                for message in service.messages()
                if message["type"].startswith("event.")
            ]
            assert history[0] == ("event.created", "rules", "pending")
            assert history[-1] == ("event.updated", "llm", "done")
            assert {one[1:] for one in history[:-1]} == {("rules", "pending")}
            for name in ("rtdetr", "nemotron"):
                assert breakers(service, name)[-1] == "closed"
            assert not any(service.deaths.values())
        finally:
            ended = service.stop()
        assert ended == 0


def stays_away() -> None:
    threading.Event().wait(OUTAGE_SECONDS)


def pictures(number: int) -> Iterator[tuple[int, bytes]]:
    return ((one, files.jpeg(one)) for one in range(number))


def breakers(service: Running, name: str) -> list[str]:
    """The states that the breaker of a service has gone through."""
    told = (data for _, kind, data in service.stream() if kind == "service.status")
    return [data["breaker"] for data in told if data["service"] == name]


def health_of(service: Running, check_name: str) -> str:
    state: str = service.get("/api/system/health")["checks"][check_name]["status"]
    return state


MISBEHAVIOURS: list[Reply] = [
    Silence(),
    Trickle(b"{}" * 100, 0.2, head=True),
    ClosedEarly(),
    ClosedEarly(b'{"detections": []}', sent=9),
    Answer(200, b"<html>It works!</html>"),
    Answer(200, b'{"detections": [{"class": "person", "confidence'),
    json_answer({"error": "CUDA out of memory"}),
    json_answer({"detections": [{"class": "person", "confidence": "NaN", "bbox": None}]}),
    Answer(500, b""),
    Answer(503, b"", {"Retry-After": "1"}),
]


def test_a_detector_that_answers_late_wrong_half_and_never_loses_no_picture(child_environment, detector, model):
    """Each picture is answered badly once, each in another way."""
    seen: set[bytes] = set()
    left = list(MISBEHAVIOURS)
    lock, good = threading.Lock(), detector.person

    def answer(received: Received) -> Reply:
        with lock:
            if received.picture not in seen and left:
                seen.add(received.picture)
                return left.pop()
        answered: Reply = good(received)
        return answered

    detector.answer = answer
    running = Running(
        child_environment,
        RTDETR_URL=detector.url,
        NEMOTRON_URL=model.url,
        RTDETR_READ_TIMEOUT="10",
        DETECTION_CONCURRENCY="4",
        CIRCUIT_RECOVERY_TIMEOUT_SECONDS="0.5",
    )
    running.start()
    try:
        sent = send(running, len(MISBEHAVIOURS))
        settled(running, len(sent))
        check(running, sent)
        assert left == []
        assert detector.faults == []
    finally:
        assert running.stop() == 0


def test_processes_whose_clocks_are_hours_apart_and_jump_settle_all_the_same(
    on_postgres, own_redis, services, tmp_path
):
    """Leases and due times are of the database's clock, and waiting for a file to stand still is of none."""
    hours = {"watcher": 1, "detector-1": 1, "detector-2": 2}
    clocks = {role: wrong_clock.Clock(tmp_path / role, ahead) for role, ahead in hours.items()}
    service = Service(
        on_postgres, own_redis.url, within={role: clock.command for role, clock in clocks.items()}, **services
    )
    try:
        service.start_service()
        service.connect()
        with Load(service, 30) as load:
            load.reaches(15)
            for clock in clocks.values():
                clock.jump(-2 * clock.hours)
        settled(service, 30)
        check(service, load.sent)
        batches = [data for _, kind, data in service.stream() if kind == "batch.closed"]
        assert len(batches) < 15  # of 30 pictures: neither clock closes what another has opened
        assert not any(service.deaths.values())
    finally:
        ended = service.stop()
    assert ended == 0
