from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from cameras.access import sees_all, visible_cameras
from cameras.management.grant_arguments import add_arguments, audit_values, get_holder_and_camera, holder_fields
from cameras.models import CameraGrant
from hsi import audit


class Command(BaseCommand):
    help = "Revoke the grant of a user or a group for a camera. Report other grants that still apply."

    def add_arguments(self, parser: CommandParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        holder, camera = get_holder_and_camera(options)
        with transaction.atomic():
            deleted, _ = CameraGrant.objects.filter(camera=camera, **holder_fields(holder)).delete()
            if deleted:
                audit.record("grant_revoked", f"camera {camera.pk}", before=audit_values(holder))
        had = "no longer has a" if deleted else "had no"
        self.stdout.write(f"{holder} {had} grant of {camera.pk}.")
        if isinstance(holder, User) and visible_cameras(holder).filter(pk=camera.pk).exists():
            why = "as an administrator" if sees_all(holder) else "through a group"
            self.stderr.write(f"{holder} can still see {camera.pk} {why}.")
