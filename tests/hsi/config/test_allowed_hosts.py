from __future__ import annotations

import socket

import pytest
from django.http.request import validate_host

from hsi.config.allowed_hosts import LOOK_SECONDS, LOOPBACK, MachineHosts, interface_addresses, own_hosts

pytestmark = pytest.mark.one_engine


class Machine:
    """A machine whose addresses change. `looks` counts how often it was asked for them."""

    def __init__(self) -> None:
        self.hosts, self.looks, self.now = ["localhost"], 0, 100.0

    def found(self) -> list[str]:
        self.looks += 1
        return list(self.hosts)

    def later(self) -> None:
        self.now += LOOK_SECONDS


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def hosts(machine: Machine) -> MachineHosts:
    return MachineHosts(machine.found, lambda: machine.now)


def test_an_address_that_comes_later_is_answered_to_and_one_that_went_is_not(machine: Machine, hosts: MachineHosts):
    machine.hosts = ["localhost", "10.9.8.7"]
    machine.later()
    assert validate_host("10.9.8.7", hosts)
    machine.hosts = ["localhost", "[fd00::1]"]
    machine.later()
    assert validate_host("[fd00::1]", hosts)
    assert not validate_host("10.9.8.7", hosts)


def test_a_host_of_somebody_else_is_never_answered_to(machine: Machine, hosts: MachineHosts):
    machine.hosts = ["localhost", "10.9.8.7"]
    for foreign in ("evil.example", "10.9.8.77", "localhost.evil.example", ""):
        machine.later()
        assert not validate_host(foreign, hosts)


def test_a_flood_of_foreign_hosts_has_the_machine_looked_at_once(machine: Machine, hosts: MachineHosts):
    machine.later()
    before = machine.looks
    assert not any(validate_host(f"host{number}.example", hosts) for number in range(500))
    assert machine.looks == before + 1


def test_a_known_host_costs_no_look(machine: Machine, hosts: MachineHosts):
    machine.later()
    before = machine.looks
    assert validate_host("localhost", hosts)
    assert machine.looks == before


def test_what_another_thread_has_found_meanwhile_counts(machine: Machine, hosts: MachineHosts):
    asked = iter(hosts)
    assert next(asked) == "localhost"
    machine.hosts = ["localhost", "10.9.8.7"]
    machine.later()
    assert "10.9.8.7" in list(hosts)
    assert list(asked) == ["10.9.8.7"]


def test_this_machine_is_reached_by_its_names_and_the_addresses_of_its_interfaces():
    found = own_hosts()
    assert found[: len(LOOPBACK)] == list(LOOPBACK)
    assert socket.gethostname() in found
    assert "127.0.0.1" in interface_addresses()
    assert set(interface_addresses()) <= set(found)
