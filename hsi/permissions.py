"""How the REST framework takes over what the gate found out, and what a role and a token's scopes allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import SAFE_METHODS, BasePermission

from hsi.gate import may_scrape
from hsi.models import ApiToken
from hsi.roles import Role, has_role, is_admin

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
    """To read needs no role, to change something the view's `role` (operator). A token needs a scope as well.

    That is the view's `scope`, else `read`, or `write` for what changes something. The scope `admin` has them all.
    """

    message = "This token lacks the scope for that."

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not request.user.is_authenticated:
            return False
        safe = request.method in SAFE_METHODS
        if not has_scope(request, getattr(view, "scope", None) or ("read" if safe else "write")):
            return False
        if safe or has_role(request.user, getattr(view, "role", Role.OPERATOR)):
            return True
        self.message = "A viewer changes nothing: that needs the role operator."
        return False


class IsAdmin(BasePermission):
    """For administrators alone; a token needs the scope `admin` on top."""

    message = "That is for administrators; a token needs the scope admin."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return is_admin(request.user) and has_scope(request, "admin")


class AdministratorsWrite(HasScope):
    """Who may see it reads it; only an administrator changes it. A token needs the scope `admin` for that."""

    message = IsAdmin.message

    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.method in SAFE_METHODS:
            return super().has_permission(request, view)
        return is_admin(request.user) and has_scope(request, "admin")


class MayIngest(BasePermission):
    """For whoever brings files of cameras: operators; a token needs the scope `ingest`."""

    message = "That needs the role operator; a token needs the scope ingest."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return may_ingest(request.user, request.auth)


class MayScrape(BasePermission):
    """For whoever may read the metrics: an address that the gate lets in, or an administrator, by any token of theirs.

    They tell of all cameras together; a scraper needs no more than the scope `read`.
    """

    message = "Metrics are for administrators."

    def has_permission(self, request: Request, view: APIView) -> bool:
        if may_scrape(request._request):
            return True
        return is_admin(request.user) and has_scope(request, "read")


def has_scope(request: Request, needed: str) -> bool:
    """Whether the token of a request has that scope, or `admin`. A session has no scopes, and needs none."""
    return not isinstance(request.auth, ApiToken) or not {needed, "admin"}.isdisjoint(request.auth.scopes)


def may_ingest(user: Any, token: Any) -> bool:
    """The same before the REST framework has looked at the request."""
    return has_role(user, Role.OPERATOR) and (token is None or not {"ingest", "admin"}.isdisjoint(token.scopes))
