from typing import Any

from django.core.management.base import BaseCommand

from hsi import live_settings
from monitoring.reconcile import reconcile


class Command(BaseCommand):
    help = "Queue every waiting row that has no live job, once."

    def handle(self, *args: Any, **options: Any) -> None:
        live_settings.apply_changes()
        for queue_name, count in reconcile().items():
            self.stdout.write(f"{queue_name}: {count} queued again")
