"""How the REST framework takes over what the gate found out, and what a token's scopes allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import SAFE_METHODS, BasePermission

from hsi.models import ApiToken

if TYPE_CHECKING:  # the framework imports this module while it sets itself up
    from rest_framework.request import Request
    from rest_framework.views import APIView


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
        needed = "read" if request.method in SAFE_METHODS else "write"
        return needed in request.auth.scopes or "admin" in request.auth.scopes


class AdministratorsWrite(HasScope):
    """Who may see it reads it; only an administrator changes it, with a session or a token of the scope `admin`."""

    message = "This is for administrators, with a login or a token of the scope admin."

    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.method in SAFE_METHODS:
            return super().has_permission(request, view)
        return is_administrator(request.user, request.auth)


class MayIngest(BasePermission):
    """Who brings files of cameras: a token of the scope `ingest`, and administrators."""

    message = "This is for tokens of the scope ingest, and for administrators."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return may_ingest(request.user, request.auth)


def is_administrator(user: Any, token: Any) -> bool:
    """Whether what is for administrators is allowed: by the rights of the user, and by the scopes of a token."""
    return bool(user.is_active and user.is_superuser) and (not isinstance(token, ApiToken) or "admin" in token.scopes)


def may_ingest(user: Any, token: Any) -> bool:
    return (isinstance(token, ApiToken) and "ingest" in token.scopes) or is_administrator(user, token)
