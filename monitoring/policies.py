"""Policies of the models: their rows may concern any camera, so only administrators see them."""

from __future__ import annotations

from hsi.security.policy import Policy, register
from monitoring.models import GpuSample, JobRun, LogEntry, StorageSample

register(Policy(), GpuSample, JobRun, LogEntry, StorageSample)
