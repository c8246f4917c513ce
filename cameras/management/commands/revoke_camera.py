from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from cameras.access import visible_cameras
from cameras.grants import add_arguments, named
from cameras.models import CameraGrant
from hsi import audit


class Command(BaseCommand):
    help = "Takes a user's own grant of a camera away. Grants of the user's groups stay, and are named."

    def add_arguments(self, parser: CommandParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        user, camera = named(options["user"], options["camera"])
        with transaction.atomic():
            deleted, _ = CameraGrant.objects.filter(user=user, camera=camera).delete()
            if deleted:
                audit.record("grant_revoked", f"camera {camera.pk}", before={"user": user.username})
        had = "no longer has a" if deleted else "had no"
        self.stdout.write(f"{user.username} {had} grant of {camera.pk}.")
        if visible_cameras(user).filter(pk=camera.pk).exists():
            why = "as an administrator" if user.is_superuser else "through a group"
            self.stderr.write(f"{user.username} can still see {camera.pk} {why}.")
