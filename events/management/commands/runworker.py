from typing import Any

from django.core.management.base import CommandParser

from events.notifications.wakeup import CHANNEL
from events.notifications.worker import loops
from hsi.workers.loop import Loop
from hsi.workers.runner import LoopCommand


class Command(LoopCommand):
    """Replace the `runworker` command of Channels, which exits when Redis is unavailable."""

    help = "Send notifications: `runworker notifications`. Run any number of these processes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("channels", choices=[CHANNEL], help="The Channels channel to listen on.")
        super().add_arguments(parser)

    def make_loops(self, options: dict[str, Any]) -> list[Loop]:
        return loops()
