"""The base class of commands that run worker loops. The command parses, the loops do the work."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from hsi.config import private_files
from hsi.workers import runner
from hsi.workers.loop import Loop


class LoopCommand(BaseCommand):
    """Run `make_loops(options)` until stopped."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="Run one pass, then exit.")
        parser.add_argument("--drain", action="store_true", help="Exit when no work is waiting.")

    def handle(self, *args: Any, **options: Any) -> None:
        private_files.tighten()
        runner.run(self.make_loops(options), once=options["once"], drain=options["drain"])

    def make_loops(self, options: dict[str, Any]) -> list[Loop]:
        raise NotImplementedError
