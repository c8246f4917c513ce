from typing import Any

from django.core.management.base import CommandParser

from detection.loops import loops
from hsi.workers.loop import Loop
from hsi.workers.runner import LoopCommand


class Command(LoopCommand):
    help = "Detect objects in waiting uploads and close batches. Run any number of these processes."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--concurrency", type=int, help="Pictures analysed at once (default: DETECTION_CONCURRENCY)."
        )

    def make_loops(self, options: dict[str, Any]) -> list[Loop]:
        return loops(options["concurrency"])
