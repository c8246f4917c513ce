from typing import Any

from cameras.intake.watcher import loops
from hsi.workers.loop import Loop
from hsi.workers.runner import LoopCommand


class Command(LoopCommand):
    help = "Watch the camera folders and accept every complete file."

    def make_loops(self, options: dict[str, Any]) -> list[Loop]:
        return loops()
