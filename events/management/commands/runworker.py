from typing import Any

from django.core.management.base import CommandParser

from events.notifications.wakeup import CHANNEL
from events.notifications.worker import loops
from hsi.workers.command import LoopCommand
from hsi.workers.loop import Loop


class Command(LoopCommand):
    """In the place of the command of this name that Channels has: that one ends when Redis is away."""

    help = "Sends notifications: `runworker notifications`. Any number of these may run."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("channels", choices=[CHANNEL], help="The Channels channel to listen on.")
        super().add_arguments(parser)

    def make_loops(self, options: dict[str, Any]) -> list[Loop]:
        return loops()
