"""Workers on other machines: they reach PostgreSQL, Redis and the AI services over a network, and share the folder."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from tests.engines.private_postgres import private_postgres
from tests.engines.private_valkey import private_valkey
from tests.peers.cable import Cable
from tests.system.invariants import check, settled
from tests.system.load import Load
from tests.system.namespaces import machines
from tests.system.service import ROLES, Service

pytestmark = [pytest.mark.slow, pytest.mark.one_engine]

UPLOADS = 40
TWICE = {"watcher-2": ["watch_cameras"], "housekeeping-2": ["run_housekeeping"]}
AWAY = {"detector-1": "two", "detector-2": "three", "analyser": "three", "watcher-2": "two", "housekeeping-2": "two"}


def test_two_other_machines_do_the_work_and_a_second_watcher_and_housekeeper_do_no_harm(
    child_environment, detector, model, tell
):
    with (
        machines("two", "three") as network,
        private_postgres(address=network.address, network=network.network) as postgres,
        private_valkey(network.address) as redis,
        Cable(detector.url, address=network.address) as to_detector,
        Cable(model.url, address=network.address) as to_model,
    ):
        for machine in network.enter.values():
            assert_alone(machine, own_port=int(detector.url.rpartition(":")[2]))
        service = Service(
            child_environment | {"DATABASE_URL": postgres.url},
            redis.url,
            roles=ROLES | TWICE,
            within={role: network.enter[machine] for role, machine in AWAY.items()},
            RTDETR_URL=to_detector.url,
            NEMOTRON_URL=to_model.url,
        )
        try:
            service.start_service()
            service.connect()
            with Load(service, UPLOADS) as load:
                load.reaches(UPLOADS // 2)
                service.kill_role("detector-2")
                redis.say("FLUSHALL")  # both housekeepers put back what was in it
            settled(service, UPLOADS)
            figures = check(service, load.sent)
            deaths = {role: count for role, count in service.deaths.items() if count}
            assert deaths == {"detector-2": 1}
            service.until(service.all_beating)  # what still starts would be ended by the signal itself
            tell(f"{len(set(AWAY.values()))} other machines, {figures}")
        finally:
            ended = service.stop()
        assert ended == 0


def assert_alone(enter: list[str], own_port: int) -> None:
    """What listens on this machine's loopback cannot be reached from there: it is another machine."""
    socket.create_connection(("127.0.0.1", own_port), timeout=5).close()
    knock = f"import socket; socket.create_connection(('127.0.0.1', {own_port}), timeout=5)"
    there = subprocess.run([*enter, sys.executable, "-c", knock], capture_output=True, text=True, timeout=30)
    assert "ConnectionRefusedError" in there.stderr
