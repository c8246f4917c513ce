from __future__ import annotations

import pytest
from django.utils import timezone

from hsi.db.row_retention import expired_rows

pytestmark = pytest.mark.one_engine


def test_every_table_of_records_has_a_time_limit():
    models = {rows.model.__name__ for rows in expired_rows(timezone.now())}
    assert models == {
        "AuditEntry", "DeadLetter", "GpuSample", "Habit", "JobRun", "IdempotencyRecord", "LogEntry", "GaugeValue",
        "LatencyBucket", "StaticObject", "StorageSample", "WorkerHeartbeat",
    }  # fmt: skip
