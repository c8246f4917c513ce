from typing import Any

from cameras.intake.watcher import loops
from hsi.workers.command import LoopCommand
from hsi.workers.loop import Loop


class Command(LoopCommand):
    help = "Watch the camera folders and accept every complete file."

    def make_loops(self, options: dict[str, Any]) -> list[Loop]:
        return loops()
