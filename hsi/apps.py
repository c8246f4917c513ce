from django.apps import AppConfig


class HsiConfig(AppConfig):
    name = "hsi"
    verbose_name = "System"

    def ready(self) -> None:
        from hsi import checks, pooler  # noqa: F401  (registers the system checks)

        pooler.watch()
