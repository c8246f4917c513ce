"""API tokens: made once, kept as a hash, scoped, expiring, revocable."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from hsi import audit
from hsi.models import ApiToken
from hsi.times import iso

SCOPES = ("read", "write", "ingest", "admin")
PREFIX = "hsi_"
MAX_DAYS = 3650
USE_NOTED_EVERY = timedelta(minutes=1)


def create_token(user: User, name: str, scopes: list[str], days: int | None = None) -> tuple[ApiToken, str]:
    """A new token and its text, which is shown now and never again. Raises ValueError for what makes no token."""
    if not scopes or not set(scopes) <= set(SCOPES):
        raise ValueError(f"Scopes are one or more of {', '.join(SCOPES)}")
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise ValueError(f"A token lasts 1 to {MAX_DAYS} days")
    text = PREFIX + secrets.token_urlsafe(32)
    expires_at = timezone.now() + timedelta(days=days) if days else None
    with transaction.atomic():
        token = ApiToken.objects.create(
            user=user, name=name, digest=digest(text), prefix=text[:8], scopes=scopes, expires_at=expires_at
        )
        after = {"user": user.get_username(), "name": name, "scopes": scopes, "expires_at": iso(expires_at)}
        audit.record("token_created", f"token {token.pk}", after=after)
    return token, text


def revoke(token: ApiToken) -> bool:
    """It stops working at once. False where it was revoked before."""
    with transaction.atomic():
        revoked = ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())
        if revoked:
            before = {"user": token.user.get_username(), "name": token.name, "scopes": token.scopes}
            audit.record("token_revoked", f"token {token.pk}", before=before)
    return bool(revoked)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def find_token(text: str) -> ApiToken | None:
    """The token with this text, if it may be used now."""
    now = timezone.now()
    alive = Q(expires_at__isnull=True) | Q(expires_at__gt=now)
    token = (
        ApiToken.objects.select_related("user")
        .filter(alive, digest=digest(text), revoked_at__isnull=True, user__is_active=True)
        .first()
    )
    if token and (token.last_used_at is None or now - token.last_used_at > USE_NOTED_EVERY):
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


def token_in(request: HttpRequest) -> str:
    """The token text of a request's headers, or an empty string. Never from the URL."""
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer" and text.strip():
        return text.strip()
    return request.headers.get("X-API-Key", "").strip()
