from typing import Any

from hsi.workers.loop import Loop
from hsi.workers.runner import LoopCommand
from monitoring.housekeeping import loops


class Command(LoopCommand):
    help = "Run housekeeping: requeue waiting rows without a job, apply retention, and check cameras and services."

    def make_loops(self, options: dict[str, Any]) -> list[Loop]:
        return loops()
