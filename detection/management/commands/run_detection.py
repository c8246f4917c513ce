from typing import Any

from django.core.management.base import CommandParser

from detection.loops import loops
from hsi.workers.command import LoopCommand
from hsi.workers.loop import Loop


class Command(LoopCommand):
    help = "Detects objects in waiting uploads and closes batches. Any number of these may run."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--concurrency", type=int, help="Pictures at a time (DETECTION_CONCURRENCY).")

    def make_loops(self, options: dict[str, Any]) -> list[Loop]:
        return loops(options["concurrency"])
