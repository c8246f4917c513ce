from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


class EventsConfig(AppConfig):
    name = "events"
    verbose_name = "Events"

    def ready(self) -> None:
        from events import checks, habits  # noqa: F401  (registers the system checks)
        from hsi.db import row_retention

        row_retention.register(habits.expired)
        post_migrate.connect(keep_search_index, sender=self)
        register_jobs()
        register_messages()
        register_navigation()
        register_channels()


def keep_search_index(using: str, **options: Any) -> None:
    from events import search_index

    search_index.keep(connections[using])


def register_jobs() -> None:
    from events import pipeline
    from hsi import queues

    queues.register(
        queues.ANALYSIS_QUEUE,
        queues.JobHandler(pipeline.analyse_batch, pipeline.mark_batch_dead, pipeline.requeue_batch),
    )
    queues.register(
        queues.FAST_PATH_QUEUE,
        queues.JobHandler(pipeline.run_fast_path, pipeline.log_fast_path_failure, pipeline.requeue_fast_path),
    )


def register_messages() -> None:
    from events.serializers import AlertData, EventData, EventDeletedData
    from hsi.outbox import messages

    messages.register("event.created", EventData)
    messages.register("event.updated", EventData)
    messages.register("event.deleted", EventDeletedData)
    messages.register("alert.created", AlertData)
    messages.register("alert.updated", AlertData)


def register_navigation() -> None:
    from hsi.admin import navigation
    from hsi.admin.navigation import Item

    navigation.register(
        "Review",
        Item("Events", "visibility", "events.event", 10, "unreviewed"),
        Item("Habits", "schedule", "events.habit", 50),
    )
    navigation.register(
        "Alerts",
        Item("Alerts", "notification_important", "events.alert", 10, "alerts", "bad"),
        Item("Alert rules", "rule", "events.alertrule", 20),
        Item("Channels", "campaign", "events.notificationchannel", 30),
        Item("Deliveries", "outgoing_mail", "events.delivery", 40),
    )


def register_channels() -> None:
    """Register the class of each kind of channel. It is imported when a channel of the kind is used."""
    from events.notifications import channels

    channels.register("webhook", "events.notifications.webhook.Webhook")
    channels.register("email", "events.notifications.email.Email")
    channels.register("mqtt", "events.notifications.mqtt.Mqtt")
    channels.register("apprise", "events.notifications.apprise.Apprise")
