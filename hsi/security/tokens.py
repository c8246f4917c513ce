"""API tokens: created once, stored as a hash, with scopes and expiry, revocable.

A key in API_KEYS works as a token too. It belongs to the service user, and its hash is kept in memory.
"""

from __future__ import annotations

import hmac
import logging
import secrets
from datetime import timedelta
from functools import cache

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from hsi import audit
from hsi.errors import ConflictError, InvalidRequestError
from hsi.models import ApiToken, digest
from hsi.security.roles import KNOWN, SERVICE, Role, highest, is_service, set_role
from hsi.times import iso

logger = logging.getLogger(__name__)

SCOPES = ("read", "write", "ingest", "admin")
# The scopes of a key in API_KEYS.
KEY_SCOPES = ("read", "write")
PREFIX = "hsi_"
MAX_DAYS = 3650
# The maximum per user. Each token has its own rate limit, so their number must be bounded.
MAX_TOKENS = 50
USE_NOTED_EVERY = timedelta(minutes=1)


def create_token(user: User, name: str, scopes: list[str], days: int | None = None) -> tuple[ApiToken, str]:
    """Create a token.

    Return it and its text, which cannot be shown again. Raise InvalidRequestError and ConflictError.
    """
    if not scopes or not set(scopes) <= set(SCOPES):
        raise InvalidRequestError(f"Scopes are one or more of {', '.join(SCOPES)}.")
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise InvalidRequestError(f"A token lasts 1 to {MAX_DAYS} days.")
    if usable().filter(user=user).count() >= MAX_TOKENS:
        raise ConflictError(f"There are {MAX_TOKENS} tokens of {user.get_username()} already. Revoke one first.")
    text = PREFIX + secrets.token_urlsafe(32)
    expires_at = timezone.now() + timedelta(days=days) if days else None
    with transaction.atomic():
        token = ApiToken.objects.create(
            user=user, name=name, digest=digest(text), prefix=text[:8], scopes=scopes, expires_at=expires_at
        )
        after = {"user": user.get_username(), "name": name, "scopes": scopes, "expires_at": iso(expires_at)}
        audit.record("token_created", f"token {token.pk}", after=after)
    return token, text


def usable() -> QuerySet[ApiToken]:
    """Return the tokens that are valid now."""
    alive = Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now())
    return ApiToken.objects.filter(alive, revoked_at__isnull=True, user__is_active=True)


def revoke(token: ApiToken) -> bool:
    """Revoke a token immediately. Return False if it was revoked before."""
    with transaction.atomic():
        revoked = ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())
        if revoked:
            before = {"user": token.user.get_username(), "name": token.name, "scopes": token.scopes}
            audit.record("token_revoked", f"token {token.pk}", before=before)
    return bool(revoked)


def find_token(text: str) -> ApiToken | None:
    """Return the valid token with this text, or the key in API_KEYS."""
    token = usable().select_related("user").annotate(role=highest("user")).filter(digest=digest(text)).first()
    if token is None:
        return find_key(text)
    setattr(token.user, KNOWN, token.role)
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > USE_NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


def find_key(text: str) -> ApiToken | None:
    """Return the key with this text as a token without a row, if keys are enabled."""
    if not settings.API_KEY_ENABLED:
        return None
    asked = digest(text)
    # Compare all keys, so that the duration reveals nothing.
    found = [known for known in _digests(tuple(settings.API_KEYS)) if hmac.compare_digest(known, asked)]
    user = _service_user() if found else None
    if user is None:
        return None
    return ApiToken(user=user, name="API_KEYS", digest=asked, prefix="", scopes=list(KEY_SCOPES))


@cache
def _digests(keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(digest, keys))


def _service_user() -> User | None:
    """Return the user of all keys, and create it on first use. None: a person has taken the name."""
    user = User.objects.filter(username=SERVICE).first()
    if user is None:
        with transaction.atomic():
            user, made = User.objects.get_or_create(username=SERVICE, defaults={"password": "!"})
            if made:  # a key may also review and change; make this user a viewer to prevent that
                set_role(user, Role.OPERATOR)
    if not is_service(user):
        logger.error("API_KEYS cannot be used: the user %s is deactivated or has a password", SERVICE)
        return None
    return user
