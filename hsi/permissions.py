"""How the REST framework takes over what the gate found out, and what a token's scopes allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import SAFE_METHODS, BasePermission

from hsi.gate import may_scrape
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


class IsAdmin(BasePermission):
    """For administrators. A token of theirs needs the scope `admin`."""

    message = "This is for administrators; a token needs the scope admin."

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not (request.user.is_authenticated and request.user.is_superuser):
            return False
        return not isinstance(request.auth, ApiToken) or "admin" in request.auth.scopes


class MayScrape(BasePermission):
    """For whoever may read the metrics: an address that the gate lets in, or an administrator, by any token of theirs.

    They tell of all cameras together; a scraper needs no more than the scope `read`.
    """

    message = "Metrics are for administrators."

    def has_permission(self, request: Request, view: APIView) -> bool:
        if may_scrape(request._request):
            return True
        if not (request.user.is_authenticated and request.user.is_superuser):
            return False
        return not isinstance(request.auth, ApiToken) or bool({"read", "admin"} & set(request.auth.scopes))


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
