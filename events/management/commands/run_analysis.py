from typing import Any

from events.loops import loops
from hsi.workers.loop import Loop
from hsi.workers.runner import LoopCommand


class Command(LoopCommand):
    help = "Judge closed batches and run the fast path. Run any number of these processes."

    def make_loops(self, options: dict[str, Any]) -> list[Loop]:
        return loops()
