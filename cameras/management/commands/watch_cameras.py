from typing import Any

from cameras.watcher import loops
from hsi.loop import Loop
from hsi.loopcommand import LoopCommand


class Command(LoopCommand):
    help = "Watches the camera folders and takes in every complete file."

    def make_loops(self, options: dict[str, Any]) -> list[Loop]:
        return loops()
