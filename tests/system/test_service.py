"""The service mode: a process a role on PostgreSQL and Redis, any of which may die, and more of them than needed."""

from __future__ import annotations

import pytest

from tests.system.invariants import check, settled
from tests.system.load import Load
from tests.system.service import ROLES, Service

pytestmark = [pytest.mark.slow, pytest.mark.one_engine]

UPLOADS = 120


def test_120_uploads_survive_the_death_of_every_role_and_an_emptied_redis(on_postgres, own_redis, services, tell):
    service = Service(on_postgres, own_redis.url, **services)
    try:
        service.start_service()
        service.connect()
        with Load(service, UPLOADS) as load:
            for number, role in enumerate(["web", *ROLES]):
                load.reaches(10 + number * 15)
                service.kill_role(role)
                if number == 2:
                    own_redis.say("FLUSHALL")
        service.connect()
        settled(service, UPLOADS)
        figures = check(service, load.sent)
        assert service.deaths == dict.fromkeys(["web", *ROLES], 1)
        tell(f"every role killed once, Redis emptied once, {figures}")
    finally:
        status = service.stop()
    assert status == 0


def test_two_watchers_on_one_folder_and_two_housekeepers_do_no_harm(on_postgres, own_redis, services):
    twice = {"watcher-2": ["watch_cameras"], "housekeeping-2": ["run_housekeeping"]}
    service = Service(on_postgres, own_redis.url, roles=ROLES | twice, **services)
    try:
        service.start_service()
        service.connect()
        with Load(service, 40, pause_seconds=0.02) as load:
            load.reaches(20)
            own_redis.say("FLUSHALL")  # both housekeepers put back what was in it
        settled(service, 40)
        check(service, load.sent)
        assert not any(service.deaths.values())
    finally:
        status = service.stop()
    assert status == 0
