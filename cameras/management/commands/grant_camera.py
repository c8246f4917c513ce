from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from cameras.management.grant_arguments import add_arguments, audit_values, get_holder_and_camera, holder_fields
from cameras.models import CameraGrant
from hsi import audit


class Command(BaseCommand):
    help = "Grant a user or a group access to a camera."

    def add_arguments(self, parser: CommandParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        holder, camera = get_holder_and_camera(options)
        with transaction.atomic():
            _, is_new = CameraGrant.objects.get_or_create(camera=camera, **holder_fields(holder))
            if is_new:
                audit.record("grant_created", f"camera {camera.pk}", after=audit_values(holder))
        self.stdout.write(f"{holder} {'may now see' if is_new else 'could already see'} {camera.pk}.")
