from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from cameras.grants import add_arguments, named
from cameras.models import CameraGrant
from hsi import audit


class Command(BaseCommand):
    help = "Lets a user see a camera."

    def add_arguments(self, parser: CommandParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        user, camera = named(options["user"], options["camera"])
        with transaction.atomic():
            _, is_new = CameraGrant.objects.get_or_create(user=user, camera=camera)
            if is_new:
                audit.record("grant_created", f"camera {camera.pk}", after={"user": user.username})
        self.stdout.write(f"{user.username} {'may now see' if is_new else 'could already see'} {camera.pk}.")
