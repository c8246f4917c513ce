"""The audit log."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone


class AppendOnlyError(Exception):
    """Audit log entries cannot be changed. Only retention removes old ones."""


class AuditEntry(models.Model):
    """Who did what, when and from where, with the values before and after. `hsi.audit` writes it, and it never changes.

    Names are stored as text, so an entry outlives its user, token and object.
    """

    created_at = models.DateTimeField(default=timezone.now)
    user = models.CharField(max_length=150)
    token = models.CharField(max_length=100, blank=True, help_text="Name and first characters of the token.")
    address = models.CharField(max_length=45, blank=True)
    action = models.CharField(max_length=60)
    object = models.CharField(max_length=200)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes: ClassVar = [
            models.Index(fields=["-created_at", "-id"], name="auditentry_time"),
            models.Index(fields=["user", "-created_at", "-id"], name="auditentry_user"),
            models.Index(fields=["object", "-created_at", "-id"], name="auditentry_object"),
            models.Index(fields=["action", "-created_at", "-id"], name="auditentry_action"),
            models.Index(fields=["request_id"], condition=~Q(request_id=""), name="auditentry_request"),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.action} {self.object}"

    def save(self, *args: Any, **options: Any) -> None:
        if not self._state.adding:
            raise AppendOnlyError
        super().save(*args, **options)

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        raise AppendOnlyError
