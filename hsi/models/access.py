"""Tokens, login failures, known networks, and stored responses of idempotent requests."""

from __future__ import annotations

import hashlib
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone


def digest(text: str) -> str:
    """Return the SHA-256 of a random secret, which is stored in its place."""
    return hashlib.sha256(text.encode()).hexdigest()


class ApiToken(models.Model):
    """A token of a user, stored as SHA-256. A 256-bit random value needs no slower hash."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    prefix = models.CharField(
        max_length=12, editable=False, help_text="The first characters, which identify the token."
    )
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class IdempotencyRecord(models.Model):
    """What a request with an `Idempotency-Key` was answered, for when it is sent again: see `hsi.api.idempotency`."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    request = models.CharField(max_length=64, help_text="SHA-256 of the method, the address and the body.")
    status = models.PositiveSmallIntegerField(null=True, help_text="None until there is a response.")
    data = models.JSONField(null=True)
    location = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "key"], name="idempotencyrecord_unique_key")]

    def __str__(self) -> str:
        return self.key


class LoginFailure(models.Model):
    """A failed login. `username_hash` is a keyed hash: users sometimes enter passwords in the field of the name."""

    username_hash = models.CharField(max_length=64)
    address = models.CharField(max_length=45, blank=True, help_text="For an IPv6 network: its first address.")
    created_at = models.DateTimeField()
    is_known = models.BooleanField(default=False, help_text="Whether the client is known.")
    device = models.CharField(max_length=32, blank=True, help_text="The known device, if any.")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["address", "created_at"], name="loginfailure_address"),
            models.Index(fields=["username_hash", "created_at"], name="loginfailure_name"),
            models.Index(fields=["created_at"], name="loginfailure_at"),
        ]

    def __str__(self) -> str:
        return f"{self.address} {self.created_at:%Y-%m-%d %H:%M:%S}"


class KnownNetwork(models.Model):
    """A network that a user name has signed in from. `username_hash` is as in `LoginFailure`."""

    username_hash = models.CharField(max_length=64)
    address = models.CharField(max_length=45, help_text="For an IPv6 network: its first address.")
    last_seen_at = models.DateTimeField(help_text="Time of the last login.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["username_hash", "address"], name="knownnetwork_one_a_name_and_address"),
        ]

    def __str__(self) -> str:
        return self.address
