from django.apps import AppConfig


class HsiConfig(AppConfig):
    name = "hsi"
    verbose_name = "System"

    def ready(self) -> None:
        from hsi import checks, policy, pooler  # noqa: F401  (registers the system checks)

        policy.discover()
        pooler.watch()
