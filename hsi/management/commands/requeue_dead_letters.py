"""Queue dead letters again: one, some, or all that match."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from hsi import audit, live_settings
from hsi.queues import dead_letters


class Command(BaseCommand):
    help = "Lists open dead letters, queues them again, or discards them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ids", nargs="*", type=int, help="Numbers of letters.")
        parser.add_argument("--all", action="store_true", help="Every letter that matches the filters.")
        parser.add_argument("--queue", default="", help="Only this queue.")
        parser.add_argument("--error", default="", help="Only this error type.")
        parser.add_argument("--text", default="", help="Only where this was said.")
        parser.add_argument("--list", action="store_true", help="Show them, change nothing.")
        parser.add_argument("--discard", action="store_true", help="Close them instead of trying again.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["list"] and not options["ids"] and not options["all"]:
            raise CommandError("Name the letters, or say --all. --list shows them.")
        live_settings.heed()
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
