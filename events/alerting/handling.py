"""What a person does about an alert: acknowledge it, or dismiss it. Either can be changed into the other."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from events.alerting.serializers import AlertData, alert_data
from events.models import Alert
from hsi import audit
from hsi.outbox import publish


def handle(alert: Alert, status: Alert.Status, user: AbstractBaseUser | AnonymousUser) -> AlertData:
    """Store and tell it, in the caller's transaction, which holds the row. Nothing is told where nothing changes.

    A dismissed alert sends no more notifications, whatever the judgement.
    """
    before = alert.status
    if before != status:
        alert.status, alert.handled_by, alert.updated_at = status, user.get_username(), timezone.now()
        alert.save(update_fields=["status", "handled_by", "updated_at"])
        audit.record(f"alert_{status.value}", f"alert {alert.pk}", before={"status": before}, after={"status": status})
        publish.publish(("alert.updated", alert.camera_id, alert_data(alert)))
    return alert_data(alert)
