"""List, requeue or discard dead letters."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from hsi import audit, live_settings
from hsi.queues import dead_letters


class Command(BaseCommand):
    help = "List open dead letters, requeue them, or discard them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ids", nargs="*", type=int, help="Ids of dead letters.")
        parser.add_argument("--all", action="store_true", help="Select every dead letter that matches the filters.")
        parser.add_argument("--queue", default="", help="Select this queue only.")
        parser.add_argument("--error", default="", help="Select this error type only.")
        parser.add_argument("--text", default="", help="Select dead letters whose error contains this text.")
        parser.add_argument("--list", action="store_true", help="List the dead letters without changing them.")
        parser.add_argument(
            "--discard", action="store_true", help="Discard the dead letters instead of requeueing them."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["list"] and not options["ids"] and not options["all"]:
            raise CommandError("Give ids of dead letters or --all. --list shows the ids.")
        live_settings.apply_changes()
        letters = dead_letters.search(
            queue=options["queue"], error=options["error"], text=options["text"], ids=options["ids"] or None
        )
        by = audit.acting_user()
        if options["list"]:
            self._list(letters)
        elif options["discard"]:
            result = dead_letters.each(dead_letters.discard, letters, by)
            self.stdout.write(f"{result.discarded} discarded")
        else:
            result = dead_letters.each(dead_letters.requeue, letters, by)
            self.stdout.write(f"{result.requeued} queued again")
            if result.discarded:
                self.stdout.write(f"{result.discarded} discarded: their row is gone or finished")
        if not options["list"] and (left := letters.count()):
            self.stdout.write(f"{left} are left: MAX_REQUEUE_ITERATIONS is {settings.MAX_REQUEUE_ITERATIONS}")

    def _list(self, letters: Any) -> None:
        for letter in letters[:200]:
            when = letter.last_failed_at.isoformat(timespec="seconds")
            self.stdout.write(
                f"{letter.pk}  {when}  {letter.queue} {letter.row_id}  {letter.error_type}: {letter.error_text}"
            )
