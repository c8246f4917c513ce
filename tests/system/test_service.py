"""The service mode: a process a role on PostgreSQL and Redis, any of which may die."""

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
        service.until(service.all_beating)  # what still starts would be ended by the signal itself
        figures = check(service, load.sent)
        assert service.deaths == dict.fromkeys(["web", *ROLES], 1)
        tell(f"every role killed once, Redis emptied once, {figures}")
    finally:
        status = service.stop()
    assert status == 0
