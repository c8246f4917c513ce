from __future__ import annotations

import pytest

from hsi.http.refusal_log import MAX_NETWORKS, RefusalLog

pytestmark = pytest.mark.one_engine
MINUTE = 29_000_000 * 60.0


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_a_network_has_one_line_a_minute_and_the_next_minute_tells_how_many_there_were(caplog):
    refusals = RefusalLog()
    for _ in range(500):
        refusals.record("192.0.2.1", "too many requests", MINUTE + 3)
    refusals.record("192.0.2.2", "it is malformed", MINUTE + 59)
    refusals.record("192.0.2.1", "too many requests", MINUTE + 61)
    assert lines(caplog) == [
        "Rejected a request from 192.0.2.1: too many requests",
        "Rejected a request from 192.0.2.2: it is malformed",
        "Rejected more requests in the previous minute: 499 from 192.0.2.1",
        "Rejected a request from 192.0.2.1: too many requests",
    ]


def test_a_flood_from_many_networks_has_a_bounded_number_of_lines(caplog):
    refusals = RefusalLog()
    for one in range(10_000):
        refusals.record(f"2001:db8:{one:x}::", "too many requests", MINUTE)
    assert len(lines(caplog)) == MAX_NETWORKS
    refusals.record("192.0.2.1", "too many requests", MINUTE + 60)
    assert f"{10_000 - MAX_NETWORKS} from other networks" in lines(caplog)[MAX_NETWORKS]
