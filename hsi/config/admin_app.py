"""Django's admin with our site. Loaded before any model, so it names the site as a string."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig


class AdminConfig(DjangoAdminConfig):
    default_site = "monitoring.pages.site.Site"
