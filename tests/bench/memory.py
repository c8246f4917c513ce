"""What a process weighs."""

from __future__ import annotations

from pathlib import Path


def memory_megabytes(pid: int, field: str) -> float:
    """`VmRSS`, what is resident now, or `VmHWM`, the most that ever was."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024 / 1e6
