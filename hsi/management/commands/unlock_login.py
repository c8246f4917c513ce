from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from hsi import audit
from hsi.security.lockout import forget


class Command(BaseCommand):
    help = "Delete recorded login failures, so that a locked-out user can sign in again immediately."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("user", nargs="?", help="User name that was entered. The user need not exist.")
        which.add_argument("--address", help="Client address of the failed logins.")
        which.add_argument("--all", action="store_true", help="Delete all login failures.")

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            count = forget(options["user"], options["address"])
            whose = f"name {options['user']}" if options["user"] else f"address {options['address'] or 'of everyone'}"
            audit.record("logins_unlocked", whose, before={"failures": count})
        self.stdout.write(f"Deleted {count} login failure{'' if count == 1 else 's'}.")
