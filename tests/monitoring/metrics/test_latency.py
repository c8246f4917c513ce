from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from hsi.db import clock
from hsi.metrics import histogram_rows, histograms
from hsi.models import LatencyBucket
from monitoring.metrics.latency import latency, percentile
from tests import factories

pytestmark = pytest.mark.django_db


def test_percentiles_are_near_the_truth():
    histograms.take()
    for number in range(1, 101):
        histograms.stage("detection", number / 100)
    histogram_rows.flush()
    stages = {one["name"]: one for one in latency(60)["stages"]}
    got = stages["detection"]
    assert got["count"] == 100
    assert got["average_seconds"] == pytest.approx(0.505)
    assert got["p50_seconds"] == pytest.approx(0.5, abs=0.02)
    assert got["p95_seconds"] == pytest.approx(0.95, abs=0.03)
    assert got["longest_seconds"] == 1.0
    assert list(stages) == list(histograms.STAGES)
    assert stages["delivery"]["p50_seconds"] is None


def test_nothing_is_longer_than_the_longest():
    assert percentile({len(histograms.BOUNDS): 2}, 0.99, 5000.0) == pytest.approx(5000.0, rel=0.01)
    assert percentile({3: 10}, 0.99, 0.03) == 0.03
    assert percentile({}, 0.5, 0.0) is None


def test_what_is_older_than_asked_for_does_not_count_and_services_are_listed():
    now = clock.now().replace(second=0, microsecond=0)
    for minutes, count in {0: 1, 30: 2, 90: 4}.items():
        LatencyBucket.objects.create(
            name="ai_request", label="rtdetr", minute=now - timedelta(minutes=minutes), bucket=2, count=count,
            seconds=1, longest=0.02,
        )  # fmt: skip
    assert [(one["name"], one["count"]) for one in latency(60)["services"]] == [("rtdetr", 3)]


@pytest.mark.parametrize("minutes", ["0", "-1", "99999", "x", "1.5", "9" * 40, "\u0664"])
def test_a_span_that_makes_no_sense_is_refused(client: Client, minutes: str):
    client.force_login(factories.admin())
    assert client.get("/api/system/latency", {"minutes": minutes}).status_code == 400
