"""CPU, memory and open files of each process that works, for `/metrics`."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, ProcessCollector

CPU_SECONDS = "process_cpu_seconds_total"
# prometheus_client exports these only for the process that answers the scrape. Here each process writes its own.
_collector = ProcessCollector(registry=None)
_cpu_seconds = Counter(CPU_SECONDS, "CPU time of all processes, including those that ended.", registry=None)
_gauges = {
    name: Gauge(name, help_text, multiprocess_mode="liveall", registry=None)
    for name, help_text in {
        "process_virtual_memory_bytes": "Virtual memory size.",
        "process_resident_memory_bytes": "Resident memory size.",
        "process_start_time_seconds": "Start time of the process, in seconds since the epoch.",
        "process_open_fds": "Open file descriptors.",
        "process_max_fds": "Highest allowed number of open file descriptors.",
    }.items()
}
_cpu_seconds_counted = 0.0


def update() -> None:
    """Read the figures of this process. Systems without /proc have none."""
    global _cpu_seconds_counted
    for metric in _collector.collect():
        for sample in metric.samples:
            if sample.name == CPU_SECONDS:
                _cpu_seconds.inc(sample.value - _cpu_seconds_counted)
                _cpu_seconds_counted = sample.value
            elif gauge := _gauges.get(sample.name):
                gauge.set(sample.value)
