from typing import Any

from hsi.workers.command import LoopCommand
from hsi.workers.loop import Loop
from monitoring.housekeeping import loops


class Command(LoopCommand):
    help = "Finds rows that wait without a job and queues them again."

    def make_loops(self, options: dict[str, Any]) -> list[Loop]:
        return loops()
