from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, values
from prometheus_client.multiprocess import MultiProcessCollector

from hsi.metrics import multiprocess
from tests.engines.environment import ROOT

CHILD = ROOT / "tests/hsi/metrics/counting_child.py"
Totals = dict[str, float]
Start = Callable[[int], subprocess.Popen[str]]


@pytest.fixture
def folder(child_environment: dict[str, str]) -> Path:
    return Path(child_environment["HSI_DATA_DIR"]) / "metrics"


@pytest.fixture
def start(child_environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Starts a process that counts, and returns it when it has done so."""
    with ExitStack() as stack:

        def start(number: int) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, str(CHILD), str(number)], env=child_environment, cwd=tmp_path, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
            stack.callback(process.wait, 60)
            stack.callback(process.kill)
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            return process

        yield start


def totals(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Totals:
    """What a scrape of `folder` says, summed over labels."""
    monkeypatch.setenv(multiprocess.FOLDER_VARIABLE, str(folder))
    sums: Totals = {}
    for metric in multiprocess.collected():
        for sample in metric.samples:
            if not sample.name.endswith("_bucket"):
                sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    return sums


REQUESTS = "django_http_requests_before_middlewares_total"
QUERY_TIMES = "django_db_query_duration_seconds_count"
QUERIES = "django_db_execute_total"
READS = "django_cache_get_total"
MEMORY = "process_resident_memory_bytes"
CPU = "process_cpu_seconds_total"


@pytest.mark.slow
def test_what_processes_count_adds_up_while_they_live_and_when_they_are_dead(
    start: Start, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    first = start(5)
    alone = totals(folder, monkeypatch)
    assert alone[REQUESTS] == alone[READS] == 5
    start(7)
    both = totals(folder, monkeypatch)
    assert both[REQUESTS] == both[READS] == 12
    assert both[QUERIES] == both[QUERY_TIMES] >= 12
    assert both[MEMORY] > alone[MEMORY] * 1.5
    first.kill()
    first.wait(60)
    one_left = totals(folder, monkeypatch)
    assert {name: one_left[name] for name in (REQUESTS, READS, QUERIES, QUERY_TIMES)} == {
        name: both[name] for name in (REQUESTS, READS, QUERIES, QUERY_TIMES)
    }
    assert one_left[CPU] == pytest.approx(both[CPU])
    assert one_left[MEMORY] < both[MEMORY]
    assert len(list(folder.glob("counter_*.db"))) == 2  # of the one that lives, and of the dead
    assert totals(folder, monkeypatch) == one_left
    start(1)
    assert totals(folder, monkeypatch)[REQUESTS] == 13


@pytest.mark.slow
def test_the_first_process_after_all_are_dead_starts_at_zero(
    start: Start, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    for process in (start(2), start(3)):
        process.kill()
        process.wait(60)
    start(1)
    assert totals(folder, monkeypatch)[REQUESTS] == 1


@pytest.mark.one_engine
def test_merging_keeps_counters_and_histograms_and_drops_gauges(tmp_path: Path):
    folder = tmp_path / "metrics"
    folder.mkdir()
    for process, value in {"host-1-aa": 2.0, "host-2-bb": 3.0}.items():
        (folder / f"{process}.lock").touch()
        write(folder, process, value)
    alive = (folder / "host-3-cc.lock").open("wb")
    fcntl.flock(alive, fcntl.LOCK_EX)
    write(folder, "host-3-cc", 5.0)
    for _ in range(2):
        multiprocess._merge_dead(folder)
        assert sorted(path.name for path in folder.iterdir()) == [
            "counter_dead.db", "counter_host-3-cc.db", "gauge_liveall_host-3-cc.db",
            "histogram_dead.db", "histogram_host-3-cc.db", "host-3-cc.lock",
        ]  # fmt: skip
        samples = {
            (sample.name, sample.labels.get("le"), sample.labels.get("pid")): sample.value
            for metric in MultiProcessCollector(CollectorRegistry(), str(folder)).collect()
            for sample in metric.samples
        }
        assert samples == {
            ("jobs_total", None, None): 10,
            ("memory", None, "host-3-cc"): 5,
            ("seconds_sum", None, None): 10,
            ("seconds_count", None, None): 3,
            ("seconds_bucket", "1.0", None): 0,
            ("seconds_bucket", "+Inf", None): 3,
        }
    alive.close()
    multiprocess._remove_dead(folder)
    assert list(folder.iterdir()) == []


def write(folder: Path, process: str, value: float) -> None:
    """Leave what a process with this name would: a counter, a gauge, and a histogram with one observation."""
    from unittest.mock import patch

    from prometheus_client import Counter, Gauge, Histogram

    with (
        patch.dict(os.environ, {multiprocess.FOLDER_VARIABLE: str(folder)}),
        patch.object(values, "ValueClass", values.MultiProcessValue(lambda: process)),
    ):
        Counter("jobs", "Jobs.", ["queue"], registry=None).labels("a").inc(value)
        Gauge("memory", "Memory.", registry=None, multiprocess_mode="liveall").set(value)
        Histogram("seconds", "Seconds.", buckets=(1.0,), registry=None).observe(value)


@pytest.mark.one_engine
def test_a_forked_process_counts_for_itself(tmp_path: Path):
    before = multiprocess._process
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writing, multiprocess._process.encode())
        os._exit(0)
    os.waitpid(child, 0)
    name = os.read(reading, 200).decode()
    os.close(reading)
    os.close(writing)
    assert f"-{child}-" in name
    assert multiprocess._process == before


@pytest.mark.one_engine
def test_a_folder_that_cannot_be_written_is_no_reason_not_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv(multiprocess.FOLDER_VARIABLE, "before")
    (tmp_path / "file").touch()
    multiprocess.share(tmp_path / "file" / "metrics")
    assert "Metrics are not shared between processes" in caplog.text
    assert multiprocess.FOLDER_VARIABLE not in os.environ
