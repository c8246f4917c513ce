"""How the REST framework takes over what the gate found out, and what a token's scopes allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import SAFE_METHODS, BasePermission

from hsi.models import ApiToken

if TYPE_CHECKING:  # the framework imports this module while it sets itself up
    from rest_framework.request import Request
    from rest_framework.views import APIView


def is_administrator(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Who may see and do what concerns the system as a whole. Decided here and nowhere else."""
    return bool(user.is_active and getattr(user, "is_superuser", False))


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
