"""The policies of what the system tells of itself: it can tell of any camera, so it is for administrators."""

from __future__ import annotations

from hsi.security.policy import Policy, register
from monitoring.models import GpuSample, JobRun, LogEntry, StorageSample

register(Policy(), GpuSample, JobRun, LogEntry, StorageSample)
