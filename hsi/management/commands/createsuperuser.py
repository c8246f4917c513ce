from typing import Any

from django.contrib.auth.management.commands import createsuperuser
from django.contrib.auth.models import User
from django.db.models.signals import post_save

from hsi import audit


class Command(createsuperuser.Command):
    """Extend the command of Django by an entry in the audit log."""

    def handle(self, *args: Any, **options: Any) -> None:
        post_save.connect(_note, sender=User)
        try:
            super().handle(*args, **options)
        finally:
            post_save.disconnect(_note, sender=User)


def _note(instance: User, **_: Any) -> None:
    audit.record("user_created", f"user {instance.get_username()}", after={"administrator": True})
