from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


class EventsConfig(AppConfig):
    name = "events"
    verbose_name = "Events"

    def ready(self) -> None:
        from events import checks  # noqa: F401  (registers the system checks)

        post_migrate.connect(keep_search_index, sender=self)


def keep_search_index(using: str, **options: Any) -> None:
    from events import search_index

    search_index.keep(connections[using])
