from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from hsi import audit
from hsi.security.lockout import forget


class Command(BaseCommand):
    help = "Forgets wrong passwords, so that whoever gave too many may sign in again at once."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("user", nargs="?", help="The name that was typed, whether or not there is such a user.")
        which.add_argument("--address", help="The address it came from.")
        which.add_argument("--all", action="store_true", help="Every wrong password of everyone.")

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            count = forget(options["user"], options["address"])
            whose = f"name {options['user']}" if options["user"] else f"address {options['address'] or 'of everyone'}"
            audit.record("logins_unlocked", whose, before={"failures": count})
        self.stdout.write(f"{count} wrong password{'' if count == 1 else 's'} forgotten.")
