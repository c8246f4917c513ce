"""API tokens: made once, kept as a hash, scoped, expiring, revocable."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from hsi.models import ApiToken

SCOPES = ("read", "write", "ingest", "admin")
PREFIX = "hsi_"
USE_NOTED_EVERY = timedelta(minutes=1)


def create_token(user: User, name: str, scopes: list[str], days: int | None = None) -> tuple[ApiToken, str]:
    """A new token and its text, which is shown now and never again."""
    text = PREFIX + secrets.token_urlsafe(32)
    expires_at = timezone.now() + timedelta(days=days) if days else None
    token = ApiToken.objects.create(
        user=user, name=name, digest=digest(text), prefix=text[:8], scopes=scopes, expires_at=expires_at
    )
    return token, text


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


class GateAuthentication(SessionAuthentication):
    """Takes over what the gate found out; a session's unsafe request needs its CSRF token."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        token = request._request.META.get("hsi.token")
        if token is not None:
            return token.user, token
        return super().authenticate(request)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class HasScope(BasePermission):
    """A session may do what its user may; a token needs `read`, or `write` for what changes something."""

    message = "This token lacks the scope for that."

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not request.user.is_authenticated:
            return False
        if not isinstance(request.auth, ApiToken):
            return True
        needed = getattr(view, "scope", None) or ("read" if request.method in SAFE_METHODS else "write")
        return needed in request.auth.scopes or "admin" in request.auth.scopes
