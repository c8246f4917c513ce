from typing import Any

from cameras.intake.watcher import loops
from hsi.workers.command import LoopCommand
from hsi.workers.loop import Loop


class Command(LoopCommand):
    help = "Watches the camera folders and takes in every complete file."

    def make_loops(self, options: dict[str, Any]) -> list[Loop]:
        return loops()
