"""Roles of the service mode killed at random moments under load.

`HSI_CRASH_ROUNDS` is how often (a full proof takes 20), `HSI_CRASH_SEED` repeats a run.
"""

from __future__ import annotations

import os
import random
import threading
from collections import Counter

import pytest

from tests.system.invariants import check, settled
from tests.system.load import Load
from tests.system.service import ROLES, Service
from tests.system.telling import check_told, tell_everything

pytestmark = [pytest.mark.slow, pytest.mark.one_engine]

ROUNDS = int(os.environ.get("HSI_CRASH_ROUNDS", "2"))
SEED = int(os.environ.get("HSI_CRASH_SEED", "0")) or random.randrange(1, 10**9)
PICTURES, LONGEST_PAUSE_SECONDS = 12, 1.5
MOST_KILLS = 3  # of a round, each some time after the one before


def test_roles_killed_at_random_moments_lose_and_double_nothing(on_postgres, own_redis, services, receiver, tell):
    tell(f"HSI_CRASH_SEED={SEED} HSI_CRASH_ROUNDS={ROUNDS}")
    dice, pause = random.Random(SEED), threading.Event()
    killed: Counter[str] = Counter()
    sent: list[str] = []
    service = Service(on_postgres, own_redis.url, JOB_MAX_ATTEMPTS="100", NOTIFICATION_MAX_ATTEMPTS="100", **services)
    try:
        service.start_service()
        service.connect()
        tell_everything(service, receiver)
        for _ in range(ROUNDS):
            with Load(service, PICTURES, first=len(sent), pause_seconds=0.15) as load:
                for role in dice.choices(["web", *ROLES], k=dice.randint(1, MOST_KILLS)):
                    pause.wait(dice.uniform(0, LONGEST_PAUSE_SECONDS))
                    service.kill_role(role)
                    killed[role.partition("-")[0]] += 1
            sent.extend(load.sent)
            # So that the next round does not kill what only starts. What was detected is still being judged.
            service.until(lambda: detected(service) == len(sent))
        service.connect()
        settled(service, len(sent))
        figures = f"{check(service, sent)}, {check_told(service, receiver)}"
        service.until(service.all_beating)  # what still starts would be ended by the signal itself
        tell(f"{ROUNDS} rounds, kills: {dict(killed)}, {figures}")
    finally:
        status = service.stop()
    assert status == 0


def detected(service: Service) -> int:
    """Asked of the database: the web server may be starting."""
    [(number,)] = service.rows("SELECT count(*) FROM cameras_upload WHERE state <> 'waiting'")
    return int(number)
