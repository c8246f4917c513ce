from typing import Any

from events.loops import loops
from hsi.workers.command import LoopCommand
from hsi.workers.loop import Loop


class Command(LoopCommand):
    help = "Judges closed batches and tells urgent ones at once. Any number of these may run."

    def make_loops(self, options: dict[str, Any]) -> list[Loop]:
        return loops()
