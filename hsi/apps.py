"""The app configurations: our own, and Django's admin with our site."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig


class HsiConfig(AppConfig):
    name = "hsi"
    default = True
    verbose_name = "System"

    def ready(self) -> None:
        from hsi import checks  # noqa: F401  (registers the system checks)
        from hsi.db import pooler
        from hsi.security import policy

        policy.discover()
        pooler.watch()


class AdminConfig(DjangoAdminConfig):
    """Load Django's admin with our site, which is named as a string because no model is loaded yet."""

    default = False
    default_site = "monitoring.pages.site.Site"
