from django.apps import AppConfig


class HsiConfig(AppConfig):
    name = "hsi"
    verbose_name = "System"

    def ready(self) -> None:
        from hsi import checks  # noqa: F401  (registers the system checks)
        from hsi.db import pooler
        from hsi.security import policy

        policy.discover()
        pooler.watch()
