from argparse import ArgumentParser
from typing import Any

from channels.management.commands import runworker

from events.notifications.channel_worker import ChannelWorker
from events.notifications.deliveries import CHANNEL
from events.notifications.worker import Notifier
from hsi.config import private_files
from hsi.workers import runner


class Command(runworker.Command):
    """Channels' command with a worker that survives a Redis outage.

    For the channel `notifications` it also runs the notifier, which sends what is due without any message as well.
    """

    help = "Serve Channels channels. `runworker notifications` sends notifications. Run any number of these processes."
    worker_class = ChannelWorker

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--once", action="store_true", help="Send what is due once, then end.")
        parser.add_argument("--drain", action="store_true", help="End when no notification is waiting.")

    def handle(self, *args: Any, **options: Any) -> None:
        if CHANNEL not in options["channels"]:
            super().handle(*args, **options)
            return
        private_files.tighten()
        runner.run([Notifier(options["channels"])], once=options["once"], drain=options["drain"])
