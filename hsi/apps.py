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
        register_messages()
        register_navigation()
        register_expired_rows()


def register_messages() -> None:
    from hsi.outbox import messages

    messages.register("service.status", messages.ServiceStatusData)
    messages.register("worker.status", messages.WorkerStatusData)
    messages.register("queue.pressure", messages.QueuePressureData)


def register_navigation() -> None:
    from hsi.admin import navigation
    from hsi.admin.navigation import Item

    navigation.register(
        "Operations",
        Item("Workers", "engineering", "hsi.workerheartbeat", 50),
        Item("Queue jobs", "pending_actions", "hsi.queuejob", 70),
    )
    navigation.register(
        "Access",
        Item("Users", "person", "auth.user", 10),
        Item("Groups", "group", "auth.group", 20),
        Item("Tokens", "key", "hsi.apitoken", 30),
        Item("Failed logins", "lock", "hsi.loginfailure", 50),
    )
    navigation.register("Audit", Item("Audit log", "history", "hsi.auditentry", 10))
    navigation.register("Records", Item("Stream", "stream", "hsi.streammessage", 30))


def register_expired_rows() -> None:
    from hsi import audit
    from hsi.api import idempotency
    from hsi.db import row_retention
    from hsi.metrics import gauges, histogram_rows
    from hsi.queues import dead_letters
    from hsi.workers import heartbeat

    row_retention.register(
        dead_letters.expired,
        idempotency.expired,
        audit.expired,
        heartbeat.expired,
        histogram_rows.expired,
        gauges.expired,
    )


class AdminConfig(DjangoAdminConfig):
    """Load Django's admin with our site, which is named as a string because no model is loaded yet."""

    default = False
    default_site = "monitoring.pages.site.Site"
