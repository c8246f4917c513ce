"""A process that decodes, with no more memory than it needs to start. For tests alone."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from cameras.media import decoder_child

if __name__ == "__main__":
    handle, cpu_seconds, _ = map(int, sys.argv[1:4])
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    decoder_child.main(handle, cpu_seconds, taken)
