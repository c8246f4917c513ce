from __future__ import annotations

import pytest

from hsi.errors import BusyError, PayloadTooLargeError, RateLimitError
from hsi.http.body_limits import UNKNOWN_SENDER_BYTES
from hsi.server import admission
from hsi.server import bodies as request_bodies
from hsi.server.bodies import Bodies

pytestmark = pytest.mark.one_engine


@pytest.fixture(autouse=True)
def _limits(settings) -> None:
    settings.REQUEST_BODIES_MAX, settings.REQUEST_BODIES_MAX_PER_CLIENT = 4, 2
    settings.REQUEST_BODIES_MAX_BYTES, settings.REQUEST_BODIES_MAX_BYTES_PER_CLIENT = 1000, 600


def test_a_client_has_so_many_at_a_time_and_all_together_have_so_many():
    bodies = Bodies()
    first, second = bodies.begin("a", 10, 500), bodies.begin("a", 10, 500)
    with pytest.raises(RateLimitError):
        bodies.begin("a", 10, 500)
    others = [bodies.begin(client, 10, 500) for client in "bc"]
    with pytest.raises(BusyError):
        bodies.begin("d", 10, 500)
    first.end()
    first.end()
    assert len(bodies) == 3
    bodies.begin("d", 10, 500)
    for one in (second, *others):
        one.end()
    assert len(bodies) == 1


def test_bytes_are_bounded_by_client_and_in_all_and_a_single_body_always_fits():
    bodies = Bodies()
    whole = bodies.begin("a", 5000, 5000)
    with pytest.raises(RateLimitError):
        bodies.begin("a", 1, 5000)
    with pytest.raises(BusyError):
        bodies.begin("b", 1, 5000)
    whole.end()
    bodies.begin("a", 600, 5000)
    bodies.begin("b", 400, 5000)
    with pytest.raises(BusyError):
        bodies.begin("c", 1, 500)


def test_a_body_of_unknown_length_takes_room_as_it_comes():
    bodies = Bodies()
    body, other = bodies.begin("a", 0, 500), bodies.begin("b", 500, 500)
    body.receive(400)
    assert bodies.outstanding_bytes() == 500
    with pytest.raises(PayloadTooLargeError):
        body.receive(101)
    other.receive(500)
    assert bodies.outstanding_bytes() == 0
    third = bodies.begin("c", 0, 500)
    with pytest.raises(BusyError):
        third.receive(200)
    for one in (body, other, third):
        one.end()
    assert len(bodies) == 0


def test_what_is_announced_too_large_is_refused_at_once():
    with pytest.raises(PayloadTooLargeError):
        Bodies().begin("a", 501, 500)


def test_a_body_may_take_its_time_but_not_more(settings):
    settings.REQUEST_TIMEOUT_SECONDS = 10
    body = Bodies().begin("a", 0, 10**6)
    assert not body.is_late(body.began + 9)
    assert body.is_late(body.began + 11)
    body.received_bytes = 81_920  # ten seconds at the slowest pace
    assert not body.is_late(body.began + 19)
    assert body.is_late(body.began + 21)


def test_a_process_with_few_threads_gives_strangers_half_of_them(settings):
    settings.REQUEST_BODIES_MAX, settings.REQUEST_BODIES_MAX_PER_CLIENT = 100, 100
    bodies = Bodies(most=4)
    for _ in range(2):
        bodies.begin("a", 1, 500)
    with pytest.raises(RateLimitError):
        bodies.begin("a", 1, 500)


@pytest.mark.parametrize(
    ("announced_bytes", "needs_admission"),
    [(0, False), (UNKNOWN_SENDER_BYTES, False), (UNKNOWN_SENDER_BYTES + 1, True), (None, True)],
)
def test_only_a_short_body_of_known_length_is_taken_from_unknown_senders(
    settings, announced_bytes: int | None, needs_admission: bool
):
    settings.REQUEST_BODIES_MAX_BYTES_PER_CLIENT = settings.REQUEST_BODIES_MAX_BYTES = 10**6
    body = request_bodies.begin("192.0.2.1", "/api/events", announced_bytes)
    try:
        assert body.needs_admission is needs_admission
        assert len(request_bodies.known_senders) == needs_admission
        assert len(request_bodies.unknown_senders) == (not needs_admission)
    finally:
        body.end()


def test_the_temporary_folder_must_have_room_for_what_comes(settings, tmp_path, monkeypatch):
    settings.DISK_FREE_FLOOR_BYTES, settings.DISK_FREE_FLOOR_PERCENT = 10**15, 0
    with pytest.raises(admission.TemporaryStorageFullError):
        admission.require_temporary_room(0)
    settings.DISK_FREE_FLOOR_BYTES = 0
    admission.require_temporary_room(1)
    with pytest.raises(admission.TemporaryStorageFullError):
        admission.require_temporary_room(10**15)
