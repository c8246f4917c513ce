from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from cameras.grants import add_arguments, named
from cameras.models import CameraGrant


class Command(BaseCommand):
    help = "Lets a user see a camera."

    def add_arguments(self, parser: CommandParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        user, camera = named(options["user"], options["camera"])
        _, is_new = CameraGrant.objects.get_or_create(user=user, camera=camera)
        self.stdout.write(f"{user.username} {'may now see' if is_new else 'could already see'} {camera.pk}.")
