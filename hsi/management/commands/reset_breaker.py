from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hsi.models import CircuitBreaker
from hsi.outbound.shared_breaker import get_breaker


class Command(BaseCommand):
    help = "Close the circuit breaker of an AI service, so that calls are allowed again immediately."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("name", nargs="?", help="Name of the service, e.g. rtdetr or nemotron.")
        which.add_argument("--all", action="store_true", help="Close every circuit breaker.")

    def handle(self, *args: Any, **options: Any) -> None:
        known = list(CircuitBreaker.objects.order_by("name").values_list("name", flat=True))
        name = options["name"]
        if not options["all"] and name not in known:
            raise CommandError(
                f"There is no circuit breaker {name!r}. Known: {', '.join(known) or 'none, all are closed'}."
            )
        for one in known if options["all"] else [name]:
            words = "reset" if get_breaker(one).reset() else "was closed"
            self.stdout.write(f"{one}: {words}")
